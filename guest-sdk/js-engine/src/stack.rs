//! Stack traces in the terms of the user's own file.
//!
//! Boa prints one frame a line as `    at name (path:line:column)`. Kept are the frames of the user's file; those of
//! the engine, the prelude and natives are dropped, and the wrapper that makes a body a function is subtracted.
//! Called by `failure.rs` and by the `stack` getter that `install` puts on `Error.prototype`.

use std::cell::RefCell;

use boa_engine::{
    Context, JsObject, JsResult, JsValue, NativeFunction, js_string, object::FunctionObjectBuilder,
    property::PropertyDescriptor,
};

use crate::{explain, failure, source::DEFAULT_NAMES};

/// How many frames a rendered trace shows.
const SHOWN_FRAMES: usize = 10;

/// One frame in the user's file; 1-based, the column in code points.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Frame {
    pub(crate) function: String,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

struct UserFile {
    name: String,
    source: String,
    /// Columns of the first line that are ours.
    prefix: u32,
    original: Option<JsObject>,
}

thread_local! {
    static USER: RefCell<UserFile> = const {
        RefCell::new(UserFile { name: String::new(), source: String::new(), prefix: 0, original: None })
    };
}

/// Names the file whose frames are the user's. `prefix` is the length of what stands before the source on line 1.
pub(crate) fn set_user_file(name: &str, source: &str, prefix: u32) {
    USER.with_borrow_mut(|user| {
        name.clone_into(&mut user.name);
        source.clone_into(&mut user.source);
        user.prefix = prefix;
    });
}

/// The user's file name.
pub(crate) fn user_file() -> String {
    USER.with_borrow(|user| user.name.clone())
}

/// A place as it is told: with its column in UTF-16 units, as editors and other engines count.
pub(crate) fn shown(line: u32, column: u32) -> (u32, u32) {
    with_source(|source| {
        let text = source.lines().nth((line as usize).saturating_sub(1)).unwrap_or("");
        let wide = text.chars().take(column as usize - 1).filter(|c| c.len_utf16() == 2).count();
        (line, column + wide as u32)
    })
}

/// Hands the user's source to `read`.
pub(crate) fn with_source<T>(read: impl FnOnce(&str) -> T) -> T {
    USER.with_borrow(|user| read(&user.source))
}

/// Whether the engine raised the error in the user's own code, not in a function of the prelude.
pub(crate) fn is_direct(trace: &str) -> bool {
    let innermost = trace.lines().find(|line| line.starts_with("    at ") && !line.ends_with(" (native)"));
    USER.with_borrow(|user| innermost.is_some_and(|line| user_frame(line, user).is_some()))
}

/// Where the trailing block of frame lines begins in the display of an error.
pub(crate) fn trace_start(text: &str) -> usize {
    let mut start = text.len();
    for line in text.rsplit('\n') {
        if !line.is_empty() && !line.starts_with("    at ") {
            break;
        }
        start = line.as_ptr() as usize - text.as_ptr() as usize;
    }
    start
}

/// The user's frames of a trace, innermost first.
pub(crate) fn user_frames(trace: &str) -> Vec<Frame> {
    USER.with_borrow(|user| trace.lines().filter_map(|line| user_frame(line, user)).collect())
}

fn user_frame(line: &str, user: &UserFile) -> Option<Frame> {
    let rest = line.strip_prefix("    at ")?.strip_suffix(')')?;
    let (rest, column) = rest.rsplit_once(':')?;
    let (rest, line) = rest.rsplit_once(':')?;
    let function = rest.strip_suffix(&user.name).and_then(|rest| rest.strip_suffix(" ("))?;
    let line: u32 = line.parse().ok()?;
    let column: u32 = column.parse().ok()?;
    let prefix = if line == 1 { user.prefix } else { 0 };
    let column = column.saturating_sub(prefix).max(1);
    Some(Frame {
        function: match function {
            "" | "<main>" => "<anonymous>".to_owned(),
            name if DEFAULT_NAMES.contains(&name) => "default".to_owned(),
            name => name.to_owned(),
        },
        line,
        column: explain::name_of_call(&user.source, line, column),
    })
}

/// `header` and one line a frame, as Node prints them.
pub(crate) fn render(header: &str, frames: &[Frame]) -> String {
    let file = user_file();
    let mut out = header.to_owned();
    for frame in frames.iter().take(SHOWN_FRAMES) {
        let function = &frame.function;
        let (line, column) = shown(frame.line, frame.column);
        out.push_str(&format!("\n    at {function} ({file}:{line}:{column})"));
    }
    out
}

/// Drops the frames of the error's own class at the top: `new MyError()` is where it began, not `super()` inside.
pub(crate) fn drop_constructors(frames: &mut Vec<Frame>, error: &JsObject, context: &mut Context) {
    let mut class = error.get(js_string!("constructor"), context).ok().and_then(|value| value.as_object());
    while let Some(object) = class {
        let name = object
            .get(js_string!("name"), context)
            .ok()
            .and_then(|name| name.as_string().map(|name| name.to_std_string_lossy()));
        match (name, frames.get(1)) {
            (Some(name), Some(_)) if frames[0].function == name => {
                frames.remove(0);
            }
            _ => {}
        }
        class = object.prototype();
    }
}

/// The engine's own trace of an error object.
pub(crate) fn raw_trace(error: &JsObject, context: &mut Context) -> Option<String> {
    let getter = USER.with_borrow(|user| user.original.clone())?;
    let text = getter.call(&error.clone().into(), &[], context).ok()?.as_string()?;
    Some(text.to_std_string_lossy())
}

/// Replaces the getter of `Error.prototype.stack`, so that scripts see their own file and nothing of the engine.
pub(crate) fn install(context: &mut Context) -> JsResult<()> {
    let prototype = context.intrinsics().constructors().error().prototype();
    let key = js_string!("stack");
    let old = prototype.borrow().properties().get(&key.clone().into());
    let old = old.expect("Boa defines Error.prototype.stack");
    USER.with_borrow_mut(|user| user.original = old.get().and_then(JsValue::as_object));
    let getter = FunctionObjectBuilder::new(context.realm(), NativeFunction::from_fn_ptr(get_stack))
        .name(js_string!("get stack"))
        .build();
    prototype.define_property_or_throw(
        key,
        PropertyDescriptor::builder()
            .get(getter)
            .set(old.set().cloned().unwrap_or_default())
            .enumerable(false)
            .configurable(true),
        context,
    )?;
    Ok(())
}

fn get_stack(this: &JsValue, _: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let Some(error) = this.as_object().filter(failure::is_error) else {
        return Ok(JsValue::undefined());
    };
    let mut frames = raw_trace(&error, context).map(|trace| user_frames(&trace)).unwrap_or_default();
    drop_constructors(&mut frames, &error, context);
    let header = this.to_string(context)?.to_std_string_lossy();
    Ok(js_string!(render(&header, &frames)).into())
}
