//! Makes the image of a script: evaluates its top level in a fresh instance, and takes what differs from another one.

use std::sync::PoisonError;

use super::{
    engine::JsEngine,
    hot_pages::HotPages,
    image::Image,
    kept::Kept,
    script::Script,
    visit::{Ended, Visit, broken},
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
        let mut visits = [self.visit(&ONCE, 0, [0; 32])?, self.visit(&ONCE, 0, [0; 32])?];
        let image = self.image_of(script, &mut visits);
        visits.into_iter().for_each(Visit::unmap);
        image
    }

    /// The image of a script, by these two fresh instances.
    pub(super) fn image_of(
        &self,
        script: &Script,
        [fresh, used]: &mut [Visit; 2],
    ) -> Result<Option<Image>, SandboxError> {
        let made = (|| {
            used.prepare_image(script)?;
            if used.asked_the_host() {
                return Ok(None);
            }
            let (fresh, used) = (fresh.memory()?, used.memory()?);
            let mut image = Image::between(fresh, used);
            image.hot = self.hot_in_calls.with(&HotPages::learn(fresh, used));
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
