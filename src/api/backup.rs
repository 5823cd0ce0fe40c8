//! A backup of the running server, streamed as it is made.

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;

use crate::{
    engine::Engine,
    http::Problem,
    store::{SealKey, Sealer},
};

/// `GET /api/v1/backup`: the file that `flowcell restore` takes. It is whole only if it ends in order, which the
/// file itself tells: a failure on the way breaks the connection off. The seal comes last.
pub(super) async fn download(
    State(engine): State<Engine>,
    seal: Option<SealKey>,
) -> Result<Response, Problem> {
    let stream = engine.store().backup().await?;
    let sealer = seal.map(Sealer::new);
    let pieces = futures::stream::unfold((stream, sealer), |(mut stream, mut sealer)| async move {
        let Some(piece) = stream.recv().await else {
            return sealer.take().map(|sealer| (Ok(sealer.finish()), (stream, None)));
        };
        match &piece {
            Ok(piece) => sealer.iter_mut().for_each(|sealer| sealer.update(piece)),
            Err(error) => {
                // Nobody vouches for half of one.
                sealer = None;
                tracing::error!(%error, "a backup was not finished");
            }
        }
        Some((piece, (stream, sealer)))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"flowcell.backup\""),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}
