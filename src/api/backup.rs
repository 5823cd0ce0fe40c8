//! A backup of the running server, streamed as it is made.

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;

use super::store_problem;
use crate::{engine::Engine, gateway::Problem};

/// `GET /api/v1/backup`: the file that `flowcell restore` takes. It is whole only if it ends in order, which the
/// file itself tells: a failure on the way breaks the connection off.
pub(super) async fn download(State(engine): State<Engine>) -> Result<Response, Problem> {
    let stream = engine.store().backup().await.map_err(store_problem)?;
    let pieces = futures::stream::unfold(stream, |mut stream| async move {
        let piece = stream.recv().await?;
        if let Err(error) = &piece {
            tracing::error!(%error, "a backup was not finished");
        }
        Some((piece, stream))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"flowcell.backup\""),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}
