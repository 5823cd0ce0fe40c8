//! Modules of the prelude that few scripts ask for. The snapshot has only their texts, which take a sixteenth of what they are once they
//! ran. They run when a script that names one is prepared, so that its runs find them there, and else at the first use.

use std::cell::RefCell;

use boa_engine::{
    Context, JsObject, JsResult, JsString, JsValue, NativeFunction, object::FunctionObjectBuilder,
    property::PropertyDescriptor,
};

/// A module, or a few that belong together.
struct Group {
    /// What scripts write in quotes to get at it.
    named: &'static [&'static str],
    /// What its files put into `modules`.
    exports: &'static [&'static str],
    /// In the order they need each other.
    files: &'static [(&'static str, &'static str)],
}

const GROUPS: [Group; 6] = [
    Group {
        named: &["events"],
        exports: &["events"],
        files: &[("flowcell:emitter", include_str!("../prelude/emitter.js"))],
    },
    Group {
        named: &["path", "path/posix"],
        exports: &["path"],
        files: &[("flowcell:path", include_str!("../prelude/path.js"))],
    },
    Group {
        named: &["string_decoder"],
        exports: &["stringDecoder"],
        files: &[("flowcell:decoder", include_str!("../prelude/decoder.js"))],
    },
    Group {
        named: &["stream", "stream/promises", "stream/consumers"],
        exports: &["stream", "streamTools", "streamConsumers"],
        files: &[
            ("flowcell:stream", include_str!("../prelude/stream.js")),
            ("flowcell:writable", include_str!("../prelude/writable.js")),
            ("flowcell:duplex", include_str!("../prelude/duplex.js")),
        ],
    },
    Group {
        named: &["assert", "assert/strict"],
        exports: &["assert"],
        files: &[("flowcell:assert", include_str!("../prelude/assert.js"))],
    },
    Group {
        named: &["zlib", "constants"],
        exports: &["zlib"],
        files: &[("flowcell:zlib", include_str!("../prelude/zlib.js"))],
    },
];

/// What the files are given: the objects of the prelude, and the globals that each one names as they were before any script.
struct Kept {
    arguments: [JsValue; 3],
    modules: JsObject,
    groups: Vec<State>,
}

/// A group that has not run.
#[derive(Clone)]
struct State {
    visible: Vec<(String, Vec<JsValue>)>,
    /// The accessors of its exports.
    getters: Vec<JsObject>,
    has_run: bool,
}

thread_local! {
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

/// Puts an accessor for each export into `modules`. `visible` finds the globals that a text names.
pub(super) fn register(
    arguments: [JsValue; 3],
    modules: &JsObject,
    visible: impl Fn(&str, &mut Context) -> JsResult<(String, Vec<JsValue>)>,
    context: &mut Context,
) -> JsResult<()> {
    let mut groups = Vec::new();
    for (index, group) in GROUPS.iter().enumerate() {
        let visible = group.files.iter().map(|(_, text)| visible(text, context)).collect::<JsResult<_>>()?;
        let getter = |export: &&'static str| {
            let get = NativeFunction::from_copy_closure_with_captures(get_export, (index, *export));
            FunctionObjectBuilder::new(context.realm(), get).build().into()
        };
        let getters = group.exports.iter().map(getter).collect();
        let state = State { visible, getters, has_run: false };
        offer(group, &state, modules);
        groups.push(state);
    }
    KEPT.set(Some(Kept { arguments, modules: modules.clone(), groups }));
    Ok(())
}

fn offer(group: &Group, state: &State, modules: &JsObject) {
    for (export, getter) in group.exports.iter().zip(&state.getters) {
        let accessor = PropertyDescriptor::builder().get(getter.clone());
        modules.insert_property(JsString::from(*export), accessor.configurable(true).enumerable(true));
    }
}

fn get_export(
    _: &JsValue,
    _: &[JsValue],
    (index, export): &(usize, &'static str),
    context: &mut Context,
) -> JsResult<JsValue> {
    load(*index, context)?;
    let modules = KEPT.with_borrow(|kept| kept.as_ref().map(|kept| kept.modules.clone()));
    modules.expect("it is registered").get(JsString::from(*export), context)
}

/// The groups that the sources name in quotes, by their numbers.
pub(crate) fn named(sources: &[&str]) -> Vec<usize> {
    let is_named =
        |group: &Group| group.named.iter().any(|name| sources.iter().any(|source| in_quotes(source, name)));
    (0..GROUPS.len()).filter(|index| is_named(&GROUPS[*index])).collect()
}

/// Runs groups of [`named`].
pub(crate) fn load_all(groups: &[usize], context: &mut Context) -> JsResult<()> {
    groups.iter().try_for_each(|index| load(*index, context))
}

fn in_quotes(source: &str, name: &str) -> bool {
    source.match_indices(name).any(|(at, _)| {
        let (before, after) = (&source[..at], &source[at + name.len()..]);
        let before = before.strip_suffix("node:").unwrap_or(before);
        matches!((before.as_bytes().last(), after.as_bytes().first()), (Some(a @ (b'\'' | b'"' | b'`')), Some(b)) if a == b)
    })
}

/// Runs the files of a group, once. If they fail, which takes a limit that the script meets there, they may run again.
fn load(index: usize, context: &mut Context) -> JsResult<()> {
    let group = &GROUPS[index];
    let kept = KEPT.with_borrow_mut(|kept| {
        let kept = kept.as_mut().expect("it is registered");
        let had_run = std::mem::replace(&mut kept.groups[index].has_run, true);
        (!had_run).then(|| (kept.groups[index].clone(), kept.modules.clone(), kept.arguments.clone()))
    });
    let Some((state, modules, arguments)) = kept else { return Ok(()) };
    for export in group.exports {
        let undefined = PropertyDescriptor::builder().value(JsValue::undefined());
        modules.insert_property(
            JsString::from(*export),
            undefined.writable(true).enumerable(true).configurable(true),
        );
    }
    let mut files = group.files.iter().zip(&state.visible);
    let ran =
        files.try_for_each(|((path, text), seen)| super::run_file(path, text, seen, &arguments, context));
    if ran.is_err() {
        offer(group, &state, &modules);
        KEPT.with_borrow_mut(|kept| kept.as_mut().expect("it is registered").groups[index].has_run = false);
    }
    ran
}

#[cfg(test)]
mod tests {
    use super::in_quotes;

    #[test]
    fn a_module_is_named_in_quotes() {
        for (source, named) in [
            ("require('stream')", true),
            ("import a from \"node:stream\"", true),
            ("await import(`stream`)", true),
            ("const stream = 1; 'streams'; `stream'", false),
            ("'x/stream'", false),
            ("stream", false),
            ("'node:stream\"", false),
        ] {
            assert_eq!(in_quotes(source, "stream"), named, "{source}");
        }
    }
}
