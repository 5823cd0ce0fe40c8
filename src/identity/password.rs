//! Passwords as Argon2id hashes (RFC 9106) in PHC strings: `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH`.
//!
//! The costs are those that OWASP names for logins: 19 MiB, two passes, one lane. Each call takes that memory and tens of milliseconds of
//! a core, so callers bound how many run at once, and run them on threads that may block.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use subtle::ConstantTimeEq;

/// The fewest characters of a new password.
pub const SHORTEST: usize = 10;
/// The most bytes of a password.
pub const LONGEST: usize = 1_024;

/// Memory in KiB, passes, lanes.
const COSTS: Costs = Costs { memory_kib: 19 << 10, passes: 2, lanes: 1 };
/// Bytes of a hash and of a salt.
const HASH: usize = 32;
const SALT: usize = 16;
/// Dearer hashes than these are not computed: they are damage, or somebody's attack.
const MOST: Costs = Costs { memory_kib: 256 << 10, passes: 16, lanes: 8 };

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Costs {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// Why a password is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// It is too short.
    #[error("the password is too short: give it at least {SHORTEST} characters; several words are fine")]
    Short,
    /// It is too long.
    #[error("the password is too long: {LONGEST} bytes are the most")]
    Long,
    /// It is the name of the person, alone or repeated.
    #[error("the password is the name; choose another")]
    Name,
    /// It consists of one character.
    #[error("the password repeats one character; choose another")]
    Same,
}

/// Decides whether a person may have this password.
///
/// # Errors
/// What is wrong with it.
pub fn check_new(password: &str, name: &str) -> Result<(), PasswordError> {
    if password.len() > LONGEST {
        return Err(PasswordError::Long);
    }
    if password.chars().count() < SHORTEST {
        return Err(PasswordError::Short);
    }
    let first = password.chars().next();
    if password.chars().all(|character| Some(character) == first) {
        return Err(PasswordError::Same);
    }
    let lower = password.to_lowercase();
    let name = name.to_lowercase();
    if !name.is_empty() && lower.replace(&name, "").is_empty() {
        return Err(PasswordError::Name);
    }
    Ok(())
}

/// The PHC string of a password. `None` when there is no memory for it.
pub fn hashed(password: &str, salt: [u8; SALT]) -> Option<String> {
    let hash = hash(password, &salt, COSTS)?;
    Some(written(COSTS, &salt, &hash))
}

/// Whether a password is the one of a PHC string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fits {
    /// It is not.
    No,
    /// It is.
    Yes,
    /// It is, and the string has other costs than new ones: hash it anew.
    Old,
}

/// Compares in constant time. A string that is none fits no password.
pub fn fits(password: &str, phc: &str) -> Fits {
    if password.len() > LONGEST {
        return Fits::No;
    }
    let Some((costs, salt, stored)) = read(phc) else { return Fits::No };
    let Some(hash) = hash(password, &salt, costs) else { return Fits::No };
    if !bool::from(hash.as_slice().ct_eq(&stored)) {
        return Fits::No;
    }
    if costs == COSTS { Fits::Yes } else { Fits::Old }
}

/// A string that no password fits and that costs what others cost: compared for names that nobody has, so that the time of an answer does
/// not tell which names there are.
pub fn stand_in() -> String {
    written(COSTS, &[0; SALT], &[0; HASH])
}

fn hash(password: &str, salt: &[u8], costs: Costs) -> Option<[u8; HASH]> {
    let params = Params::new(costs.memory_kib, costs.passes, costs.lanes, Some(HASH)).ok()?;
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut hash = [0; HASH];
    argon.hash_password_into(password.as_bytes(), salt, &mut hash).ok()?;
    Some(hash)
}

fn written(costs: Costs, salt: &[u8], hash: &[u8]) -> String {
    let Costs { memory_kib, passes, lanes } = costs;
    let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
    format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${hash}")
}

/// Costs, salt and hash of a PHC string.
fn read(phc: &str) -> Option<(Costs, Vec<u8>, Vec<u8>)> {
    let rest = phc.strip_prefix("$argon2id$v=19$")?;
    let (params, rest) = rest.split_once('$')?;
    let (salt, hash) = rest.split_once('$')?;
    let mut numbers = params.split(',');
    let mut number = |name: &str| numbers.next()?.strip_prefix(name)?.parse::<u32>().ok();
    let costs = Costs { memory_kib: number("m=")?, passes: number("t=")?, lanes: number("p=")? };
    let is_fair =
        costs.memory_kib <= MOST.memory_kib && costs.passes <= MOST.passes && costs.lanes <= MOST.lanes;
    let bytes = |text: &str| STANDARD_NO_PAD.decode(text).ok();
    is_fair.then_some((costs, bytes(salt)?, bytes(hash)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_its_own_string_alone() {
        let phc = hashed("correct horse battery", [7; 16]).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$BwcHBwcHBwcHBwcHBwcHBw$"), "{phc}");
        assert_eq!(fits("correct horse battery", &phc), Fits::Yes);
        for wrong in ["correct horse batterz", "", "correct horse battery ", &"x".repeat(LONGEST + 1)] {
            assert_eq!(fits(wrong, &phc), Fits::No, "{wrong}");
        }
        assert_ne!(phc, hashed("correct horse battery", [8; 16]).unwrap(), "the salt counts");
    }

    #[test]
    fn the_hash_is_that_of_the_reference_implementation() {
        // `echo -n password | argon2 somesalt -id -v 13 -t 2 -k 65536 -p 1 -l 32` of the P-H-C test suite.
        let known = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert_eq!(fits("password", known), Fits::Old);
        assert_eq!(fits("passwore", known), Fits::No);
    }

    #[test]
    fn no_password_fits_a_stand_in_or_what_is_no_string() {
        assert_eq!(fits("", &stand_in()), Fits::No);
        assert!(read(&stand_in()).is_some_and(|(costs, ..)| costs == COSTS), "it costs what others cost");
        let dear =
            "$argon2id$v=19$m=99999999,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        for text in ["", "$argon2id$", "$2b$10$x", "$argon2id$v=19$m=8,t=1$a$b", dear] {
            assert_eq!(fits("password", text), Fits::No, "{text}");
        }
    }

    #[test]
    fn new_passwords_are_long_and_no_names() {
        assert_eq!(check_new("correct horse", "anna"), Ok(()));
        assert_eq!(check_new("密码很长很难猜对不对", "anna"), Ok(()), "characters count, not bytes");
        let wrong = [
            ("short", PasswordError::Short),
            (&"x".repeat(LONGEST + 1), PasswordError::Long),
            ("aaaaaaaaaaaa", PasswordError::Same),
            ("AnnaAnnaAnna", PasswordError::Name),
        ];
        for (password, error) in wrong {
            assert_eq!(check_new(password, "anna"), Err(error));
        }
    }
}
