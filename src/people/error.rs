//! Why people, sessions, tokens or the setup say no.

use crate::{
    identity::PasswordError,
    model::{PersonName, TokenId},
    store::StoreError,
};

/// Why something about people was not done. No message holds a secret.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PeopleError {
    /// The store did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Name or password is wrong, or the person has no password. Which of them, nobody is told.
    #[error("the name or the password is wrong")]
    WrongLogin,
    /// The password that was asked for again is wrong.
    #[error("the password is wrong")]
    WrongPassword,
    /// Too many wrong passwords came lately.
    #[error("too many wrong passwords came from here; try again in {seconds} s")]
    Wait {
        /// Until the next try.
        seconds: u32,
    },
    /// More people log in at once than there is memory for.
    #[error("too many logins are being checked; try again")]
    Busy,
    /// The password cannot be taken.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Nobody has this name.
    #[error("there is no person named `{0}`")]
    UnknownPerson(PersonName),
    /// Somebody has this name.
    #[error("there is a person named `{0}` already")]
    Taken(PersonName),
    /// Nobody could manage people afterwards.
    #[error("`{0}` is the last admin; make somebody else an admin first")]
    LastAdmin(PersonName),
    /// Somebody else changed the same at the same time.
    #[error("this was changed by somebody else meanwhile; read it again")]
    Changed,
    /// There is no such token.
    #[error("there is no token `{0}`")]
    UnknownToken(TokenId),
    /// There is no such session, or it is somebody else's.
    #[error("there is no session `{0}`")]
    UnknownSession(String),
    /// A token that could do nothing, or be used never.
    #[error("{0}")]
    Token(&'static str),
    /// The first person is there.
    #[error("this server is set up already; log in, or ask an admin for an account")]
    SetUp,
    /// The link is not the one that was printed last, or it was used.
    #[error("the setup link is not valid any more; print a new one with `flowcell admin setup-link`")]
    Link,
}
