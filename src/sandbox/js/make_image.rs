//! Makes the image of a script: evaluates its top level in a fresh instance, and takes what differs from another one.

use std::sync::PoisonError;

use super::{
    engine::JsEngine,
    hot_pages::HotPages,
    image::Image,
    kept::Kept,
    script::Script,
    visit::{Ended, Visit, broken},
    written::{PAGE, written},
};
use crate::{
    model::{ByteSize, Limits, Span},
    sandbox::SandboxError,
};

/// The most that an image may hold; a script that makes more at its top level makes it in each run.
const MOST: usize = 16 << 20;
/// What making one may take, once a version: large libraries set much up. What fails here fails in the runs, by their limits.
const ONCE: Limits = Limits {
    fuel: Limits::CAP.fuel,
    timeout: Span::from_millis(10_000),
    memory: ByteSize::from_bytes(128 << 20),
    ..Limits::DEFAULT
};

impl JsEngine {
    /// The image of a script; nothing when it has none, for what its top level does or because it fails.
    ///
    /// # Errors
    /// When the sandbox cannot serve.
    pub fn image(&self, script: &Script) -> Result<Option<Image>, SandboxError> {
        let _one = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let mut used = self.visit(&ONCE, 0, [0; 32])?;
        if let Some(kept) = &self.kept {
            return self.image_of(script, &mut used, &|page| kept.pristine.page(page));
        }
        let fresh = self.visit(&ONCE, 0, [0; 32])?;
        let image = match fresh.memory() {
            Ok(memory) => self.image_of(script, &mut used, &in_memory(memory)),
            Err(_) => Err(SandboxError::Engine("it has no memory".to_owned())),
        };
        fresh.unmap();
        image
    }

    /// The image of a script, by a fresh instance, and by what the pages of another one hold that nobody enters.
    pub(super) fn image_of<'a>(
        &self,
        script: &Script,
        used: &mut Visit,
        fresh: &dyn Fn(usize) -> Option<&'a [u8]>,
    ) -> Result<Option<Image>, SandboxError> {
        let made = (|| {
            let before = used.memory()?.len() / PAGE;
            used.prepare_image(script)?;
            if used.asked_the_host() {
                return Ok(None);
            }
            let memory = used.memory()?;
            // To look at all pages takes longer than most scripts do.
            let pages = written(memory).unwrap_or_else(|| (0..memory.len() / PAGE).collect());
            let (mut image, changed) = Image::between(fresh, memory, &pages);
            image.hot = self.hot_in_calls.with(&HotPages::of(changed.into_iter(), before));
            image.home = self.kept.as_ref().map(Kept::home);
            Ok(Some(image))
        })();
        match made {
            Ok(image) => Ok(image.filter(|image| image.bytes() <= MOST)),
            // Each run tells why.
            Err(Ended::Script(_) | Ended::Trap(_)) => Ok(None),
            Err(Ended::Pending(_)) => Err(SandboxError::Start(used.explain(broken("it waits")).message)),
        }
    }
}

/// The pages of a memory; nothing for those that it grows by.
pub(super) fn in_memory<'a>(memory: &'a [u8]) -> impl Fn(usize) -> Option<&'a [u8]> {
    move |page| memory.get(page * PAGE..)?.get(..PAGE)
}
