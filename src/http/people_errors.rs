//! What an error about people becomes as HTTP.

use http::StatusCode;

use super::Problem;
use crate::people::PeopleError;

impl From<PeopleError> for Problem {
    fn from(error: PeopleError) -> Self {
        let (status, code) = match &error {
            PeopleError::Store(error) => return error.clone().into(),
            PeopleError::WrongLogin => (StatusCode::UNAUTHORIZED, "login_wrong"),
            PeopleError::WrongPassword => (StatusCode::FORBIDDEN, "password_wrong"),
            PeopleError::Wait { .. } => (StatusCode::TOO_MANY_REQUESTS, "login_wait"),
            PeopleError::Busy => (StatusCode::SERVICE_UNAVAILABLE, "logins_full"),
            PeopleError::Password(_) => (StatusCode::UNPROCESSABLE_ENTITY, "password_unfit"),
            PeopleError::UnknownPerson(_) => (StatusCode::NOT_FOUND, "person_unknown"),
            PeopleError::Taken(_) => (StatusCode::CONFLICT, "person_exists"),
            PeopleError::LastAdmin(_) => (StatusCode::CONFLICT, "last_admin"),
            PeopleError::Changed => (StatusCode::CONFLICT, "changed_meanwhile"),
            PeopleError::UnknownToken(_) => (StatusCode::NOT_FOUND, "token_unknown"),
            PeopleError::UnknownSession(_) => (StatusCode::NOT_FOUND, "session_unknown"),
            PeopleError::Token(_) => (StatusCode::UNPROCESSABLE_ENTITY, "token_unfit"),
            PeopleError::SetUp => (StatusCode::CONFLICT, "set_up_already"),
            PeopleError::Link => (StatusCode::FORBIDDEN, "setup_link_invalid"),
        };
        let mut problem = Self::new(status, code, error.to_string());
        problem.retry_after = match error {
            PeopleError::Wait { seconds } => Some(seconds),
            PeopleError::Busy => Some(1),
            PeopleError::Store(_)
            | PeopleError::WrongLogin
            | PeopleError::WrongPassword
            | PeopleError::Password(_)
            | PeopleError::UnknownPerson(_)
            | PeopleError::Taken(_)
            | PeopleError::LastAdmin(_)
            | PeopleError::Changed
            | PeopleError::UnknownToken(_)
            | PeopleError::UnknownSession(_)
            | PeopleError::Token(_)
            | PeopleError::SetUp
            | PeopleError::Link => None,
        };
        problem
    }
}
