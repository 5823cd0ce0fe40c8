//! How people and programs prove who they are: passwords, the secrets of sessions and tokens, and what guessing costs. Pure: randomness
//! and time come in.
//!
//! Nothing of this room keeps anything: `people` does.

mod logins;
mod password;
mod secret;

pub use logins::{Attempt, Logins, Tries};
pub use password::{Fits, LONGEST, PasswordError, SHORTEST, check_new, fits, hashed, stand_in};
pub use secret::{SecretDigest, SessionSecret, TokenSecret};
