//! Loads the engine, and learns which pages of memory nearly every script writes to: a typical one is run.

use std::{thread, time::Instant};

use super::{
    call::Call,
    engine::{EngineOptions, JsEngine, WAITING},
    hot_pages::HotPages,
    kept::{Kept, Most},
    make_image::in_memory,
    pristine::Pristine,
    script::{Form, Script},
    visit::{Ended, Start, Visit},
    written::PAGE,
};
use crate::{
    model::Limits,
    sandbox::{SandboxError, admission::Kind},
};

/// What scripts commonly do; run once at load time to learn which pages that touches.
const TYPICAL: &str = "const { data, headers } = context; console.log('typical', data.list.length);\n\
const names = data.list.map(item => item.author.name).filter(Boolean);\n\
return { type: headers['content-type'], branch: data.ref.replace('refs/heads/', ''), names, n: `${names.length}` };";
const TYPICAL_CONTEXT: &str = r#"{"data":{"ref":"refs/heads/main","list":[{"author":{"name":"a"}},{"author":{"name":"b"}}]},
"headers":{"content-type":"application/json"},"query":{},"params":{},"method":"POST","path":"/","ip":"::1"}"#;

impl JsEngine {
    /// Loads the compiled engine from the cache, or compiles it (some seconds) and keeps it there.
    ///
    /// # Errors
    /// When the cache folder cannot be used, or this build's engine cannot be loaded.
    pub fn load(options: &EngineOptions) -> Result<Self, SandboxError> {
        let started = Instant::now();
        let (mut loaded, cached) = Self::cold(options)?;
        loaded.learn_hot_pages()?;
        let slots = options.slots();
        if options.reuse {
            loaded.kept = Some(loaded.keeper(slots)?.into());
        }
        loaded.admission.add_slots(Kind::Script, slots, slots * WAITING);
        let (ms, hot_bytes) = (started.elapsed().as_millis() as u64, loaded.hot.bytes());
        tracing::debug!(cached, ms, hot_bytes, "JavaScript engine loaded");
        Ok(loaded)
    }

    /// Where instances are kept between calls.
    fn keeper(&self, slots: usize) -> Result<Kept, SandboxError> {
        let fresh = self.visit(&Limits::DEFAULT, 0, [0; 32])?;
        let pristine = Pristine::of(fresh.into_guest());
        let pristine = pristine.map_err(|error| SandboxError::Engine(format!("{error:#}")))?;
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let most = Most::of(slots, cores, self.admission.memory());
        Ok(Kept::new(pristine, most))
    }

    /// Runs a typical script, and once more from its image, and sees which pages that wrote to.
    fn learn_hot_pages(&mut self) -> Result<(), SandboxError> {
        let mut call = typical_call();
        let fresh = self.visit(&call.limits, 0, [0; 32])?;
        let (used, answer) = self.begin(&call, Start::new(&call.limits, 0, call.seed))?;
        let used = ran(used, answer)?;
        let hot = learned(memory(&fresh)?, memory(&used)?);
        let mut maker = self.visit(&call.limits, 0, [0; 32])?;
        let image = self.image_of(&call.script, &mut maker, &in_memory(memory(&fresh)?))?;
        let image = image.ok_or_else(|| SandboxError::Engine("no image".to_owned()))?;
        let mut restored = self.visit(&call.limits, 0, [0; 32])?;
        let ready = restored.prepare(&call.script, Some(&image)).map(|()| Vec::new());
        let restored = ran(restored, ready)?;
        call.image = Some(image.into());
        let (called, answer) = self.begin(&call, Start::new(&call.limits, 0, call.seed))?;
        let called = ran(called, answer)?;
        self.hot_in_calls = learned(memory(&restored)?, memory(&called)?).into();
        self.hot = hot.into();
        // Until here none of them may have a memory that another one had: what was written would be mixed up.
        [fresh, used, maker, restored, called].into_iter().for_each(Visit::unmap);
        Ok(())
    }
}

/// The pages that were written to since `fresh`, also with what was there.
fn learned(fresh: &[u8], used: &[u8]) -> HotPages {
    HotPages::written(used, fresh.len() / PAGE).unwrap_or_else(|| HotPages::learn(fresh, used))
}

/// A visit whose script did what it should.
fn ran(mut visit: Visit, answer: Result<Vec<u8>, Ended>) -> Result<Visit, SandboxError> {
    match answer {
        Ok(_) => Ok(visit),
        Err(ended) => Err(SandboxError::Engine(visit.explain(ended).message)),
    }
}

fn memory(visit: &Visit) -> Result<&[u8], SandboxError> {
    visit.memory().map_err(|_| SandboxError::Engine("it has no memory".to_owned()))
}

/// See [`TYPICAL`].
fn typical_call() -> Call {
    let (file, source) = ("typical.js".to_owned(), TYPICAL.to_owned());
    let script = Script { file, form: Form::Body, source, modules: Vec::new(), imports: Vec::new() };
    let mut call =
        Call { context: TYPICAL_CONTEXT.into(), raw_body: b"{}".as_slice().into(), ..Call::of(script) };
    // A machine that is busy while the server starts must not keep it from starting.
    call.limits.timeout = Limits::CAP.timeout;
    call
}
