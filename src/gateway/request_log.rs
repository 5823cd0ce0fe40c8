//! Writes the request log: one line a request, with the true reason of a refusal.

use crate::{
    engine::Engine,
    model::RequestRecord,
    store::{Batch, tables},
};

/// The most of a path that is kept, bytes.
pub(super) const PATH_MOST: usize = 1 << 10;

/// Queues one line. Waits only while the store's queue is full, so that a flood cannot outrun the disk.
pub(super) async fn write(engine: &Engine, record: &RequestRecord) {
    let mut batch = Batch::new();
    tables::requests::insert(&mut batch, record);
    if let Err(error) = engine.store().commit_lazily(batch).await {
        tracing::error!(request = %record.id, %error, "the request log could not be written");
    }
}

/// A path as it is kept.
pub(super) fn shorten(path: &str) -> String {
    path[..path.floor_char_boundary(PATH_MOST)].to_owned()
}
