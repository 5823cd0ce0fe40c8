//! Modules of the prelude that few scripts ask for. The snapshot has only their texts, which take a sixteenth of what they are once they
//! ran. They run when a script that names one is prepared, so that its runs find them there, and else at the first use.

use std::cell::RefCell;

use boa_engine::{
    Context, JsObject, JsResult, JsString, JsValue, NativeFunction, js_string, object::FunctionObjectBuilder,
    property::PropertyDescriptor,
};

/// A module, or a few that belong together.
struct Group {
    named: Named,
    holder: Holder,
    /// What its files put there.
    exports: &'static [&'static str],
    /// In the order they need each other.
    files: &'static [(&'static str, &'static str)],
}

/// How scripts get at a group.
enum Named {
    /// By the name of a module, in quotes.
    Modules(&'static [&'static str]),
    /// By one of these words.
    Words(&'static [&'static str]),
}

/// Where the exports of a group stand.
#[derive(Clone, Copy)]
enum Holder {
    /// The `modules` of the prelude.
    Modules,
    /// What `require('crypto')` gives.
    Crypto,
}

const GROUPS: [Group; 8] = [
    Group {
        named: Named::Modules(&["events"]),
        holder: Holder::Modules,
        exports: &["events"],
        files: &[("flowcell:emitter", include_str!("../prelude/emitter.js"))],
    },
    Group {
        named: Named::Modules(&["path", "path/posix"]),
        holder: Holder::Modules,
        exports: &["path"],
        files: &[("flowcell:path", include_str!("../prelude/path.js"))],
    },
    Group {
        named: Named::Modules(&["string_decoder"]),
        holder: Holder::Modules,
        exports: &["stringDecoder"],
        files: &[("flowcell:decoder", include_str!("../prelude/decoder.js"))],
    },
    Group {
        named: Named::Modules(&["stream", "stream/promises", "stream/consumers"]),
        holder: Holder::Modules,
        exports: &["stream", "streamTools", "streamConsumers"],
        files: &[
            ("flowcell:stream", include_str!("../prelude/stream.js")),
            ("flowcell:writable", include_str!("../prelude/writable.js")),
            ("flowcell:duplex", include_str!("../prelude/duplex.js")),
        ],
    },
    Group {
        named: Named::Modules(&["assert", "assert/strict"]),
        holder: Holder::Modules,
        exports: &["assert"],
        files: &[("flowcell:assert", include_str!("../prelude/assert.js"))],
    },
    Group {
        named: Named::Modules(&["zlib", "constants"]),
        holder: Holder::Modules,
        exports: &["zlib"],
        files: &[("flowcell:zlib", include_str!("../prelude/zlib.js"))],
    },
    Group {
        named: Named::Words(&["ECDH", "diffieHellman", "getCurves", "generateKey"]),
        holder: Holder::Crypto,
        exports: &[
            "ECDH",
            "createECDH",
            "diffieHellman",
            "getCurves",
            "generateKeyPairSync",
            "generateKeyPair",
            "generateKeySync",
            "generateKey",
        ],
        files: &[("flowcell:agree", include_str!("../prelude/agree.js"))],
    },
    Group {
        named: Named::Words(&["X509"]),
        holder: Holder::Crypto,
        exports: &["X509Certificate"],
        files: &[("flowcell:x509", include_str!("../prelude/x509.js"))],
    },
];

/// What the files are given: the objects of the prelude, and the globals that each one names as they were before any script.
struct Kept {
    arguments: [JsValue; 3],
    modules: JsObject,
    crypto: JsObject,
    groups: Vec<State>,
}

impl Kept {
    fn holder(&self, holder: Holder) -> JsObject {
        match holder {
            Holder::Modules => self.modules.clone(),
            Holder::Crypto => self.crypto.clone(),
        }
    }
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

/// Puts an accessor for each export where it belongs. `visible` finds the globals that a text names.
pub(super) fn register(
    arguments: [JsValue; 3],
    modules: &JsObject,
    visible: impl Fn(&str, &mut Context) -> JsResult<(String, Vec<JsValue>)>,
    context: &mut Context,
) -> JsResult<()> {
    let crypto = modules.get(js_string!("crypto"), context)?.to_object(context)?;
    let mut kept = Kept { arguments, modules: modules.clone(), crypto, groups: Vec::new() };
    for (index, group) in GROUPS.iter().enumerate() {
        let visible = group.files.iter().map(|(_, text)| visible(text, context)).collect::<JsResult<_>>()?;
        let getter = |export: &&'static str| {
            let get = NativeFunction::from_copy_closure_with_captures(get_export, (index, *export));
            FunctionObjectBuilder::new(context.realm(), get).build().into()
        };
        let getters = group.exports.iter().map(getter).collect();
        let state = State { visible, getters, has_run: false };
        offer(group, &state, &kept.holder(group.holder));
        kept.groups.push(state);
    }
    KEPT.set(Some(kept));
    Ok(())
}

fn offer(group: &Group, state: &State, holder: &JsObject) {
    for (export, getter) in group.exports.iter().zip(&state.getters) {
        let accessor = PropertyDescriptor::builder().get(getter.clone());
        holder.insert_property(JsString::from(*export), accessor.configurable(true).enumerable(true));
    }
}

fn get_export(
    _: &JsValue,
    _: &[JsValue],
    (index, export): &(usize, &'static str),
    context: &mut Context,
) -> JsResult<JsValue> {
    load(*index, context)?;
    let holder = KEPT.with_borrow(|kept| kept.as_ref().map(|kept| kept.holder(GROUPS[*index].holder)));
    holder.expect("it is registered").get(JsString::from(*export), context)
}

/// The groups that the sources name, by their numbers.
pub(crate) fn named(sources: &[&str]) -> Vec<usize> {
    let any = |found: &dyn Fn(&str) -> bool| sources.iter().any(|source| found(source));
    let is_named = |group: &Group| match group.named {
        Named::Modules(names) => names.iter().any(|name| any(&|source| in_quotes(source, name))),
        Named::Words(words) => words.iter().any(|word| any(&|source| source.contains(word))),
    };
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
        let holder = kept.holder(group.holder);
        (!had_run).then(|| (kept.groups[index].clone(), holder, kept.arguments.clone()))
    });
    let Some((state, holder, arguments)) = kept else { return Ok(()) };
    for export in group.exports {
        let undefined = PropertyDescriptor::builder().value(JsValue::undefined());
        holder.insert_property(
            JsString::from(*export),
            undefined.writable(true).enumerable(true).configurable(true),
        );
    }
    let mut files = group.files.iter().zip(&state.visible);
    let ran =
        files.try_for_each(|((path, text), seen)| super::run_file(path, text, seen, &arguments, context));
    if ran.is_err() {
        offer(group, &state, &holder);
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
