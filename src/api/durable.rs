//! What the API tells survives a crash.
//!
//! A commit is readable a moment before it is durable. Whoever was told that a step has succeeded must not see it begin
//! again after a power cut, so each answer waits until everything that it was read from is durable: no time at all
//! while nothing is being written, else about one sync.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{
    engine::Engine,
    http::Problem,
    store::{Batch, StoreError},
};

/// Holds an answer back until everything that was readable is durable. When that can no longer be, the answer is the error.
pub(super) async fn told(State(engine): State<Engine>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    match engine.store().commit(Batch::new()).await {
        // A server that is stopping has written everything, and reads go on.
        Ok(()) | Err(StoreError::Closed) => response,
        Err(error) => Problem::from(error).into_response(),
    }
}
