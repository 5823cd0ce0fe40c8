//! Stack traces in the terms of the user's own files.
//!
//! Boa prints one frame a line as `    at name (path:line:column)`. Kept are the frames of the user's files; those of
//! the engine, the prelude and natives are dropped, and the wrapper that makes a body a function is subtracted.
//! Called by `failure.rs` and by the `stack` getter that `install` puts on `Error.prototype`.

use std::cell::RefCell;

use boa_engine::{
    Context, JsObject, JsResult, JsValue, NativeFunction, js_string, object::FunctionObjectBuilder,
    property::PropertyDescriptor,
};

use crate::{error_data, explain, names::DEFAULT_NAMES};

/// How many frames a rendered trace shows.
const SHOWN_FRAMES: usize = 10;

/// One frame in a user's file; 1-based, the column in code points.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Frame {
    pub(crate) file: FileId,
    pub(crate) function: String,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// The number of a file: 0 is the script, the others are what it may import.
pub(crate) type FileId = usize;

struct UserFile {
    name: String,
    source: String,
    /// Columns of the first line that are ours.
    prefix: u32,
    /// Whether it is a value and no module, once somebody asked.
    is_value: Option<bool>,
}

struct User {
    files: Vec<UserFile>,
    /// The file that errors without a trace are about.
    current: FileId,
    original: Option<JsObject>,
}

thread_local! {
    static USER: RefCell<User> = const {
        RefCell::new(User { files: Vec::new(), current: 0, original: None })
    };
}

/// Names the script, whose frames are the user's, and forgets every other file. `prefix` is the length of what stands before the
/// source on line 1.
pub(crate) fn set_user_file(name: &str, source: &str, prefix: u32) {
    USER.with_borrow_mut(|user| {
        user.files.clear();
        user.files.push(UserFile {
            name: name.to_owned(),
            source: source.to_owned(),
            prefix,
            is_value: None,
        });
        user.current = 0;
    });
}

/// Adds a file that the script may import.
pub(crate) fn add_user_file(name: &str, source: String) {
    USER.with_borrow_mut(|user| {
        user.files.push(UserFile { name: name.to_owned(), source, prefix: 0, is_value: None });
    });
}

/// What `ask` says of a file's name and source; asked once.
pub(crate) fn is_value(file: FileId, ask: impl FnOnce(&str, &str) -> bool) -> bool {
    if let Some(known) = USER.with_borrow(|user| user.files.get(file).map(|file| file.is_value))
        && let Some(known) = known
    {
        return known;
    }
    // Not borrowed for writing while it is asked: a parser's failure looks up the file.
    let answer = ask(&file_name(file), &with_source(file, str::to_owned));
    USER.with_borrow_mut(|user| {
        if let Some(file) = user.files.get_mut(file) {
            file.is_value = Some(answer);
        }
    });
    answer
}

/// Says how much of a file's first line is ours.
pub(crate) fn set_prefix(file: FileId, prefix: u32) {
    USER.with_borrow_mut(|user| {
        if let Some(file) = user.files.get_mut(file) {
            file.prefix = prefix;
        }
    });
}

/// Says which file is being worked on, for errors that have no trace; returns the one before.
pub(crate) fn set_current(file: FileId) -> FileId {
    USER.with_borrow_mut(|user| std::mem::replace(&mut user.current, file))
}

/// The file that is being worked on.
pub(crate) fn current() -> FileId {
    USER.with_borrow(|user| user.current)
}

/// The file of that name.
pub(crate) fn find_file(name: &str) -> Option<FileId> {
    USER.with_borrow(|user| user.files.iter().position(|file| file.name == name))
}

/// How many files there are.
pub(crate) fn file_count() -> usize {
    USER.with_borrow(|user| user.files.len())
}

/// A file's name.
pub(crate) fn file_name(file: FileId) -> String {
    USER.with_borrow(|user| user.files.get(file).map(|file| file.name.clone()).unwrap_or_default())
}

/// A place as it is told: with its column in UTF-16 units, as editors and other engines count.
pub(crate) fn shown(file: FileId, line: u32, column: u32) -> (u32, u32) {
    with_source(file, |source| {
        let text = source.lines().nth((line as usize).saturating_sub(1)).unwrap_or("");
        let wide = text.chars().take(column as usize - 1).filter(|c| c.len_utf16() == 2).count();
        (line, column + wide as u32)
    })
}

/// Hands a file's source to `read`.
pub(crate) fn with_source<T>(file: FileId, read: impl FnOnce(&str) -> T) -> T {
    USER.with_borrow(|user| read(user.files.get(file).map_or("", |file| &file.source)))
}

/// Hands every source to `read`.
pub(crate) fn with_sources<T>(read: impl FnOnce(&[&str]) -> T) -> T {
    USER.with_borrow(|user| {
        let sources: Vec<&str> = user.files.iter().map(|file| file.source.as_str()).collect();
        read(&sources)
    })
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

fn user_frame(line: &str, user: &User) -> Option<Frame> {
    let rest = line.strip_prefix("    at ")?.strip_suffix(')')?;
    let (rest, column) = rest.rsplit_once(':')?;
    let (rest, line) = rest.rsplit_once(':')?;
    let matches = |file: &UserFile| {
        rest.strip_suffix(file.name.as_str()).and_then(|rest| rest.strip_suffix(" (")).is_some()
    };
    let id = user.files.iter().position(matches)?;
    let file = &user.files[id];
    let function = &rest[..rest.len() - file.name.len() - 2];
    let line: u32 = line.parse().ok()?;
    let column: u32 = column.parse().ok()?;
    let prefix = if line == 1 { file.prefix } else { 0 };
    let column = column.saturating_sub(prefix).max(1);
    Some(Frame {
        file: id,
        function: match function {
            "" | "<main>" => "<anonymous>".to_owned(),
            name if DEFAULT_NAMES.contains(&name) => "default".to_owned(),
            name => name.to_owned(),
        },
        line,
        column: explain::name_of_call(&file.source, line, column),
    })
}

/// `header` and one line a frame, as Node prints them.
pub(crate) fn render(header: &str, frames: &[Frame]) -> String {
    let mut out = header.to_owned();
    for frame in frames.iter().take(SHOWN_FRAMES) {
        let (function, file) = (&frame.function, file_name(frame.file));
        let (line, column) = shown(frame.file, frame.line, frame.column);
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
    let Some(error) = this.as_object().filter(error_data::is_error) else {
        return Ok(JsValue::undefined());
    };
    let mut frames = raw_trace(&error, context).map(|trace| user_frames(&trace)).unwrap_or_default();
    drop_constructors(&mut frames, &error, context);
    let header = this.to_string(context)?.to_std_string_lossy();
    Ok(js_string!(render(&header, &frames)).into())
}
