//! Guesses by names and values which environment variables hold credentials.
//!
//! Workflows may be allowed to read such a variable. Then its value is masked in what is stored and logged, like a
//! secret's value. A wrong guess does little harm: a variable that is no credential shows as `[secret NAME]` in stored
//! runs.

use percent_encoding::percent_decode_str;
use url::Url;

use super::{SecretValue, check_name, check_value};

/// Parts of names that mean a credential wherever they stand, in capitals and without `_`.
const PARTS: [&str; 12] = [
    "SECRET",
    "TOKEN",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "CREDENTIAL",
    "APIKEY",
    "PRIVATEKEY",
    "ACCESSKEY",
    "COOKIE",
    "WEBHOOK",
    "DATABASEURL",
];
/// Words that mean a credential only as whole words.
const WORDS: [&str; 11] = ["KEY", "KEYS", "PASS", "PWD", "PW", "DSN", "JWT", "PAT", "SAS", "PIN", "OTP"];
/// Words that end like a password and are none.
const NO_PASS: [&str; 4] = ["COMPASS", "ENCOMPASS", "BYPASS", "TRESPASS"];
/// Last words of names that speak about a credential but hold none.
const ABOUT: [&str; 16] = [
    "FILE",
    "PATH",
    "DIR",
    "TTL",
    "NAME",
    "TYPE",
    "MODE",
    "ALGORITHM",
    "ALG",
    "HEADER",
    "COUNT",
    "LENGTH",
    "TIMEOUT",
    "HOST",
    "PORT",
    "PREFIX",
];
/// Variables of the shell; they hold folders.
const FOLDERS: [&str; 2] = ["PWD", "OLDPWD"];

/// What must be masked of these variables: the values of those whose names look like credentials, and passwords in
/// URLs. A value that is too short to be told from ordinary text is left out.
pub fn credentials(variables: impl IntoIterator<Item = (String, String)>) -> Vec<(String, SecretValue)> {
    let mut found = Vec::new();
    let mut add = |name: &str, value: String| {
        if check_name(name).is_ok() && check_value(name, &value).is_ok() {
            found.push((name.to_owned(), SecretValue::from(value)));
        }
    };
    for (name, value) in variables {
        let password = password_of(&value);
        let is_address = password.is_none() && is_url(&value) && !names_address(&name);
        if password.is_some() || (names_credential(&name) && !is_address) {
            add(&name, value);
        }
        // A script may take it out of the URL, so it is masked on its own too.
        for password in password.into_iter().flatten() {
            add(&name, password);
        }
    }
    found
}

/// Whether a name looks like that of a credential.
fn names_credential(name: &str) -> bool {
    let words = words(name);
    let whole = words.concat();
    !FOLDERS.contains(&name)
        && !words.last().is_some_and(|last| ABOUT.contains(&last.as_str()))
        && (PARTS.iter().any(|part| whole.contains(part))
            || words.iter().any(|word| {
                WORDS.contains(&word.as_str())
                    || (word.ends_with("PASS") && !NO_PASS.contains(&word.as_str()))
                    || word.ends_with("KEY")
            }))
}

/// Whether an address under this name is a credential itself.
fn names_address(name: &str) -> bool {
    let whole = words(name).concat();
    ["WEBHOOK", "DATABASEURL", "SECRET", "DSN"].iter().any(|part| whole.contains(part))
}

/// The words of a name. `dbPassword`, `DB_PASSWORD` and `db-password` have the same two.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_is_lower = false;
    for character in name.chars() {
        if !character.is_ascii_alphanumeric() || (before_is_lower && character.is_ascii_uppercase()) {
            words.push(String::new());
        }
        if character.is_ascii_alphanumeric() {
            words.last_mut().expect("there is one").push(character.to_ascii_uppercase());
        }
        before_is_lower = character.is_ascii_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

fn is_url(value: &str) -> bool {
    value.contains("://") && Url::parse(value.trim()).is_ok()
}

/// The password in a URL, as it is written there and as it is decoded.
fn password_of(value: &str) -> Option<[String; 2]> {
    let url = Url::parse(value.trim()).ok().filter(Url::has_authority)?;
    let written = url.password().filter(|password| !password.is_empty())?;
    let meant = percent_decode_str(written).decode_utf8_lossy().into_owned();
    Some([written.to_owned(), meant])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(name: &str, value: &str) -> Vec<String> {
        let found = credentials([(name.to_owned(), value.to_owned())]);
        assert!(found.iter().all(|(of, _)| of == name));
        found.into_iter().map(|(_, value)| value.to_string()).collect()
    }

    #[test]
    fn s12_variables_with_names_of_credentials_are_masked() {
        for name in [
            "AWS_SECRET_ACCESS_KEY",
            "GITHUB_TOKEN",
            "DB_PASSWORD",
            "PGPASSWORD",
            "MYSQL_PWD",
            "apiKey",
            "OPENAI_API_KEY",
            "dbPass",
            "STRIPE_SK_KEY",
            "TLS_PASSPHRASE",
            "SENTRY_DSN",
            "SESSION_COOKIE",
            "GOOGLE_CREDENTIALS",
            "USER_PASS",
            "APP_KEYS",
            "DATABASE_URL",
            "SLACK_WEBHOOK_URL",
        ] {
            assert_eq!(masked(name, "v4lue-of-it"), ["v4lue-of-it"], "{name}");
        }
        assert_eq!(masked("SLACK_WEBHOOK_URL", "https://hooks.example/T0/B0/x").len(), 1);
    }

    #[test]
    fn others_are_not() {
        for name in [
            "PATH",
            "HOME",
            "PWD",
            "OLDPWD",
            "DEPLOY_BRANCH",
            "TOKEN_TTL",
            "PRIVATE_KEY_FILE",
            "SECRET_NAME",
            "COMPASS_LEVEL_SET",
            "PASSENGERS",
            "KEYBOARD",
            "REGION",
        ] {
            assert_eq!(masked(name, "v4lue-of-it"), Vec::<String>::new(), "{name}");
        }
        assert!(
            masked("TOKEN_URL", "https://id.example/token").is_empty(),
            "an address that everybody knows"
        );
        assert!(masked("DB_PASSWORD", "short").is_empty() && masked("DB_PASSWORD", "").is_empty());
    }

    #[test]
    fn s12_a_password_in_a_url_is_masked_with_the_url_whatever_the_name_is() {
        let url = "postgres://app:p%40ssw0rd@db.example/main";
        assert_eq!(masked("MAIN_DB", url), [url, "p%40ssw0rd", "p@ssw0rd"]);
        assert!(masked("MAIN_DB", "postgres://db.example/main").is_empty());
    }
}
