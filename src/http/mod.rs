//! How errors are answered: as problems with a status and a stable code. The ground of `gateway` and `api`.

mod errors;
mod people_errors;
mod problem;

pub(crate) use errors::{of_answer, of_callback, of_engine};
pub(crate) use problem::{Parts, Retry};
pub use problem::{Problem, ProblemCode, Refused};
