//! An error in a script names the user's own file, line and column, and keeps its message and stack.

use serde_json::{Value, json};

use crate::support::{TestServer, Workflow, flowcell};

/// A script that throws, and what its error says.
struct Thrown {
    key: &'static str,
    source: &'static str,
    message: &'static str,
    /// Line and column; nothing when the engine does not know it.
    place: Option<(u64, u64)>,
    /// A line of the stack.
    frame: Option<&'static str>,
}

const fn thrown(
    key: &'static str,
    source: &'static str,
    message: &'static str,
    place: Option<(u64, u64)>,
    frame: Option<&'static str>,
) -> Thrown {
    Thrown { key, source, message, place, frame }
}

/// In these the place is where the error was made, as in every JavaScript engine.
const TABLE: [Thrown; 19] = [
    thrown(
        "body",
        "const a = 1;\n  throw new Error('here');",
        "Error: here",
        Some((2, 9)),
        Some("main.js:2:9"),
    ),
    thrown("body_line_1", "throw new Error('first');", "Error: first", Some((1, 7)), Some("main.js:1:7")),
    thrown(
        "module",
        "export default async function (context) {\n  throw new Error('here');\n}",
        "Error: here",
        Some((2, 9)),
        Some("main.js:2:9"),
    ),
    thrown(
        "module_top_level",
        "\nthrow new RangeError('top');\nexport default () => 1;",
        "RangeError: top",
        Some((2, 7)),
        None,
    ),
    thrown(
        "nested",
        "function inner() {\n  throw new TypeError('deep');\n}\nfunction outer() {\n  inner();\n}\nouter();",
        "TypeError: deep",
        Some((2, 9)),
        Some("at outer (main.js:5:"),
    ),
    thrown(
        "after_await",
        "await null;\nawait Promise.resolve(1);\nthrow new Error('late');",
        "Error: late",
        Some((3, 7)),
        None,
    ),
    thrown("rejected", "return Promise.reject(new Error('no'))", "Error: no", Some((1, 23)), None),
    thrown(
        "in_then",
        "return Promise.resolve().then(() => {\n  throw new Error('then') })",
        "Error: then",
        Some((2, 9)),
        None,
    ),
    thrown(
        "in_callback",
        "[1].map(x => {\n  throw new Error('map ' + x) })",
        "Error: map 1",
        Some((2, 9)),
        None,
    ),
    thrown("windows_lines", "const a = 1;\r\nthrow new Error('crlf');", "Error: crlf", Some((2, 7)), None),
    thrown("byte_order_mark", "\u{feff}throw new Error('bom');", "Error: bom", Some((1, 7)), None),
    thrown("wide_characters", "const s = '😀é'; throw new Error('wide')", "Error: wide", Some((1, 24)), None),
    thrown(
        "own_class",
        "class Refused extends Error {\n  constructor(m) { super(m); this.name = 'Refused' }\n}\nthrow new Refused('own');",
        "Refused: own",
        Some((4, 7)),
        None,
    ),
    thrown("string", "throw 'just text'", "just text", None, None),
    thrown("null", "throw null", "null", None, None),
    thrown("object", "throw { code: 7, message: 'plain object' }", "plain object", None, None),
    thrown("empty", "throw new Error()", "Error", Some((1, 7)), None),
    thrown(
        "aggregate",
        "await Promise.any([Promise.reject(new Error('one'))])",
        "AggregateError",
        None,
        None,
    ),
    thrown(
        "cause",
        "throw new Error('outer', { cause: new Error('the real reason') })",
        "Error: outer",
        Some((1, 7)),
        Some("the real reason"),
    ),
];

/// Errors that the engine itself throws: the message is its own, the place matters.
const ENGINE: [(&str, &str, &str, u64); 8] = [
    ("null_member", "const a = null;\nreturn a.b;", "TypeError", 2),
    ("undefined_call", "const o = {};\n\no.missing();", "TypeError", 3),
    ("not_defined", "const a = 1;\nreturn a + nowhere;", "ReferenceError: nowhere is not defined", 2),
    ("before_declaration", "\nreturn later;\nconst later = 1;", "ReferenceError", 2),
    ("constant", "const a = 1;\na = 2;", "TypeError", 2),
    ("json", "const text = '{\"a\":';\nreturn JSON.parse(text);", "SyntaxError", 2),
    ("array_length", "\n\nreturn new Array(-1);", "RangeError", 3),
    ("destructuring", "const { a } = context.data;\nreturn a;", "TypeError", 1),
];

fn error_of(server: &TestServer, key: &str) -> Value {
    let response = server.hook(key);
    assert_eq!(response.status, 500, "{key}: {}", response.text());
    server.run(&response.run_id())["error"].clone()
}

#[test]
fn an_uncaught_error_keeps_its_message_place_and_stack() {
    let server = TestServer::start(TABLE.map(|case| Workflow::script(case.key, case.source)));
    let mut wrong = Vec::new();
    for Thrown { key, message, place, frame, .. } in TABLE {
        let error = error_of(&server, key);
        let position = &error["position"];
        let found = position["line"].as_u64().zip(position["column"].as_u64());
        let stack = error["stack"].as_str().unwrap_or("");
        let right = error["code"] == "script_error"
            && error["message"].as_str().is_some_and(|found| found.contains(message))
            && (place.is_none() || (found == place && position["file"] == "main.js"))
            && frame.is_none_or(|frame| stack.contains(frame));
        if !right {
            wrong.push(format!("{key}: expected {message:?} at {place:?} with {frame:?}, found {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_error_of_the_engine_names_the_users_line() {
    let server = TestServer::start(ENGINE.map(|(key, source, _, _)| Workflow::script(key, source)));
    let mut wrong = Vec::new();
    for (key, _, message, line) in ENGINE {
        let error = error_of(&server, key);
        let right = error["code"] == "script_error"
            && error["message"].as_str().is_some_and(|found| found.contains(message))
            && (&error["position"]["file"], &error["position"]["line"]) == (&json!("main.js"), &json!(line));
        if !right {
            wrong.push(format!("{key}: expected {message:?} in line {line}, found {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_stack_shows_the_users_frames_alone() {
    let server = TestServer::start(TABLE.map(|case| Workflow::script(case.key, case.source)));
    for key in ["nested", "after_await", "in_then", "module"] {
        let error = error_of(&server, key);
        let frames: Vec<_> = error["stack"].as_str().unwrap().lines().skip(1).map(str::to_owned).collect();
        assert!(!frames.is_empty(), "{key}: {error}");
        assert!(frames.iter().all(|frame| frame.contains("(main.js:")), "{key}: {frames:?}");
    }
}

#[test]
fn an_error_in_the_second_step_names_that_step_and_file_and_keeps_the_first_ones_output() {
    let mut workflow = Workflow::script("two", "");
    workflow.files =
        vec![("good.js".to_owned(), "return 1".to_owned()), ("bad.js".to_owned(), "\n\nnull.x".to_owned())];
    workflow.json["steps"] = json!([
        { "id": "good", "type": "code", "file": "good.js" },
        { "id": "bad", "type": "code", "file": "bad.js" },
        { "id": "never", "type": "code", "file": "good.js" },
    ]);
    let server = TestServer::start([workflow]);
    let run = server.run(&server.hook("two").run_id());
    assert_eq!((&run["error"]["step"], &run["error"]["position"]["file"]), (&json!("bad"), &json!("bad.js")));
    assert_eq!(run["error"]["position"]["line"], 3);
    let steps: Vec<_> = run["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["id"].clone(), step["status"].clone()))
        .collect();
    assert_eq!(steps, [(json!("good"), json!("succeeded")), (json!("bad"), json!("failed"))]);
    assert_eq!(run["steps"][0]["output"], 1);
}

#[test]
fn a_syntax_error_names_its_line_and_column_before_anything_runs() {
    let table = [
        ("missing_brace", "const a = {\n  b: 1,\n;\nreturn a", "main.js:3:1"),
        ("bad_token", "const a = 1;\nconst b = @;\n", "main.js:2:11"),
        ("bad_string", "return 'no end", "main.js:1:"),
        ("module", "export default async function () {\n  return ];\n}", "main.js:2:10"),
        ("twice", "const a = 1;\nconst a = 2;", "main.js:2:"),
        ("reserved", "let class = 1", "main.js:1:5"),
        ("no_default", "export const a = 1;", "main.js"),
        ("closes_the_wrapper", "return 1 })(); (async function () {", "main.js:1:10"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for (key, source, place) in table {
        Workflow::script(key, source).write(folder.path());
        let checked = flowcell(["check".into(), folder.path().join(key)]);
        let line = checked.stdout.lines().next().unwrap_or_default();
        if checked.code != 1 || !line.contains(place) || !line.contains("steps[0].file") {
            wrong.push(format!(
                "{key}: expected {place}, found exit code {} and {line:?} {}",
                checked.code, checked.stderr
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn runs_show_prints_the_error_with_its_place() {
    let server = TestServer::start(TABLE.map(|case| Workflow::script(case.key, case.source)));
    let id = server.hook("nested").run_id();
    let arguments = ["runs", "show", &id, "--json", "--server", &server.url(), "--token", &server.token()];
    let shown = flowcell(arguments);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    for words in
        ["TypeError: deep", "\"line\": 2", "\"column\": 9", "\"file\": \"main.js\"", "at inner (main.js:2:"]
    {
        assert!(shown.stdout.contains(words), "`{words}` is missing in {}", shown.stdout);
    }
}
