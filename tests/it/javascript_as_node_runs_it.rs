//! Scripts do what they do in Node: one row for each way in which one was silently wrong before, through the real server.
//!
//! Each row's code runs three times at one place, as the caches of an engine answer from the second time on.

use serde_json::{Value, json};

use crate::support::{TestServer, Workflow};

/// What is tried, the body of a function that is called three times with 0, 1 and 2 as `round`, and what Node returns for each.
fn rows() -> Vec<(&'static str, &'static str, Value)> {
    let each = |value: Value| json!([value.clone(), value.clone(), value]);
    vec![
        // The length of an array.
        (
            "a shorter length",
            "const a = [1, 2, 3]; a.length = 1; return [a, Object.keys(a)]",
            each(json!([[1], ["0"]])),
        ),
        (
            "a length and then an element",
            "const a = [1, 2, 3]; a.length = 1; a[a.length] = 9; return a",
            each(json!([1, 9])),
        ),
        (
            "a length as text",
            "const a = [1, 2]; a.length = '1'; return [a.length, typeof a.length]",
            each(json!([1, "number"])),
        ),
        ("a length that counts down", "const a = [1, 2]; a.length--; return a", each(json!([1]))),
        ("a length by destructuring", "const a = [1, 2, 3]; [a.length] = [1]; return a", each(json!([1]))),
        (
            "a length in a loop's head",
            "const a = [1, 2, 3]; for (a.length of [2, 1]); return a",
            each(json!([1])),
        ),
        (
            "a length that is none",
            "const a = [1]; try { a.length = -1 } catch (e) { return e.name }",
            each(json!("RangeError")),
        ),
        // What a prototype has, and has no longer.
        (
            "a property of the prototype, deleted",
            "const p = { a: 1, b: 2 }, o = Object.create(p), read = () => o.b; const first = read(); delete p.a; return [first, read()]",
            each(json!([2, 2])),
        ),
        (
            "a prototype that loses what was read",
            "globalThis.p ??= { gone: 1, kept: 2 }; const o = Object.create(p); const at = o.gone; delete p.gone; return [at ?? null, o.kept]",
            json!([[1, 2], [null, 2], [null, 2]]),
        ),
        (
            "a prototype's property becomes a getter",
            "globalThis.q ??= { x: 1 }; const o = Object.create(q); const x = o.x; Object.defineProperty(q, 'x', { get() { return 'got' }, configurable: true }); return x",
            json!([1, "got", "got"]),
        ),
        (
            "a property that hides the prototype's",
            "globalThis.r ??= { x: 1 }; globalThis.o ??= Object.create(r); const x = o.x; o.x = 'own'; return x",
            json!([1, "own", "own"]),
        ),
        (
            "a global that hides what all objects have",
            "Object.prototype.seen = 1; const x = globalThis.seen; if (round === 0) globalThis.seen = 2; if (round === 2) { delete Object.prototype.seen; delete globalThis.seen } return x",
            json!([1, 2, 2]),
        ),
        (
            "a getter that puts a value in its place",
            "class C { get v() { Object.defineProperty(this, 'v', { value: 'kept' }); return 'made' } } globalThis.cs ??= C; const c = new cs(); const read = () => c.v; return [read(), read(), read()]",
            each(json!(["made", "kept", "kept"])),
        ),
        // Attributes.
        (
            "a property that may not be written any more",
            "'use strict'; globalThis.w ??= { f: 1 }; try { w.f = round + 5; } catch (e) { return e.name } Object.freeze(w); return w.f",
            json!([5, "TypeError", "TypeError"]),
        ),
        (
            "a builtin that may not be written any more",
            "Math.mine = round; const seen = Math.mine; if (round === 1) Object.defineProperty(Math, 'mine', { writable: false }); return seen",
            json!([0, 1, 1]),
        ),
        (
            "attributes after another property is deleted",
            "const o = { id: 1, a: 2, tmp: 3 }; Object.defineProperty(o, 'id', { enumerable: false }); delete o.tmp; return o",
            each(json!({ "a": 2 })),
        ),
        (
            "a getter without the setter that it had",
            "const o = { get x() { return 1 }, set x(v) {} }; Object.defineProperty(o, 'x', { get: undefined }); return [o.x ?? null, o.x ?? null]",
            each(json!([null, null])),
        ),
        // What a pattern names is not in its rest.
        (
            "a nested pattern and a rest",
            "const { user: { id }, ...rest } = { user: { id: 1 }, b: 2 }; return [id, rest]",
            each(json!([1, { "b": 2 }])),
        ),
        (
            "a nested list and a rest",
            "const { list: [first], ...rest } = { list: [1, 2], b: 2 }; return [first, rest]",
            each(json!([1, { "b": 2 }])),
        ),
        (
            "a rest in parameters",
            "return (({ user: { id }, ...rest }) => [id, rest])({ user: { id: 1 }, b: 2 })",
            each(json!([1, { "b": 2 }])),
        ),
        (
            "a rest in an assignment",
            "let id, rest; ({ user: { id }, ...rest } = { user: { id: 1 }, b: 2 }); return [id, rest]",
            each(json!([1, { "b": 2 }])),
        ),
        (
            "a rest in a loop",
            "const out = []; for (const { user: { id }, ...rest } of [{ user: { id: 1 }, b: 2 }]) out.push(id, rest); return out",
            each(json!([1, { "b": 2 }])),
        ),
        (
            "a rest in a catch",
            "try { throw { user: { id: 1 }, b: 2 } } catch ({ user: { id }, ...rest }) { return [id, rest] }",
            each(json!([1, { "b": 2 }])),
        ),
        (
            "a rest behind a computed name",
            "const k = 'user', t = {}; ({ [k]: t.user, ...t.rest } = { user: 1, b: 2 }); return t",
            each(json!({ "user": 1, "rest": { "b": 2 } })),
        ),
        (
            "a computed name with a default in parameters",
            "const k = 'a'; return [(({ [k]: v = 3 }) => v)({}), (({ [k]: { b } }) => b)({ a: { b: 4 } }), (({ [k]: v = 5 } = {}) => v)()]",
            each(json!([3, 4, 5])),
        ),
        // Regular expressions.
        (
            "the source of an escaped slash",
            r"return [/a\/b/.source, new RegExp(/a\/b/.source).test('a/b'), /[/]/.source]",
            each(json!([r"a\/b", true, "[/]"])),
        ),
        // Dates.
        (
            "the wall clock of another zone",
            "return new Date(new Date(0).toLocaleString('en-US', { timeZone: 'Asia/Shanghai' })).toISOString()",
            each(json!("1970-01-01T08:00:00.000Z")),
        ),
        (
            "dates as mail and databases write them",
            "return ['05 October 2011 14:48 GMT-0500', '2024-01-02 03:04:05', 'Tue, 5 Nov 2024 10:11:12 +0800', '11/5/2024, 10:11:12 PM', 'March 7, 2021', '2024-01-01T00:00:00.1Z', '2024/2/3', 'Nov 5 2024 10:00 PST', '2024-01-01T00:00:00+0800', 'x'].map((text) => Date.parse(text) || null)",
            each(json!([
                1_317_844_080_000_i64,
                1_704_164_645_000_i64,
                1_730_772_672_000_i64,
                1_730_844_672_000_i64,
                1_615_075_200_000_i64,
                1_704_067_200_100_i64,
                1_706_918_400_000_i64,
                1_730_829_600_000_i64,
                1_704_038_400_000_i64,
                null
            ])),
        ),
    ]
}

#[test]
fn a_script_returns_what_node_returns_the_first_time_and_every_later_one() {
    let rows = rows();
    let workflows = rows.iter().enumerate().map(|(index, (_, body, _))| {
        Workflow::script(
            &format!("row-{index}"),
            &format!("function row(round) {{ {body} }}\nreturn [row(0), row(1), row(2)];"),
        )
    });
    let server = TestServer::start(workflows);
    let wrong: Vec<String> = rows
        .iter()
        .enumerate()
        .filter_map(|(index, (name, body, expected))| {
            let answer = server.hook(&format!("row-{index}"));
            (answer.status != 200 || answer.json() != *expected)
                .then(|| format!("{name}: {body}\n  node {expected}\n  here {}", answer.text()))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

/// What would not do what it says is refused, in words that say what to do.
#[test]
fn a_declaration_that_would_not_dispose_of_its_resource_is_refused() {
    let server = TestServer::start([Workflow::script("ok", "return 1")]);
    Workflow::script("using", "using file = { [Symbol.dispose ?? 'dispose']() {} };\nreturn 1")
        .write(&server.workflows());
    let checked =
        crate::support::flowcell(["check".into(), server.workflows().join("using").into_os_string()]);
    let text = format!("{}{}", checked.stdout, checked.stderr);
    assert!(text.contains("`using` is not supported") && text.contains("finally"), "{text}");
}
