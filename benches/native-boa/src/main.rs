//! The bench's scripts on a native Boa, each call in a fresh context: what the sandboxed engine is compared with.
//!
//! `native-boa MILLIS NAME SCRIPT DATA [NAME SCRIPT DATA]...`: SCRIPT is a file with the body of a function that sees
//! `context`, DATA a file of JSON or `-`. Prints one line a script: name, tab, nanoseconds of CPU time of the best calls.
//! Started by the bench; no part of Flowcell. Nothing is limited here, so run no script but the bench's own.

mod least;

use std::{fs, time::Duration};

use boa_engine::{Context, JsResult, Source};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((Ok(millis), scripts)) = arguments.split_first().map(|(first, rest)| (first.parse(), rest))
    else {
        eprintln!("usage: native-boa MILLIS NAME SCRIPT DATA [NAME SCRIPT DATA]...");
        std::process::exit(2);
    };
    for script in scripts.chunks_exact(3) {
        let read = |path: &String| fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let data = if script[2] == "-" { "null".to_owned() } else { read(&script[2]) };
        let source = format!(
            "JSON.stringify((function (context) {{ {}\n }})({{ data: JSON.parse({}), headers: {{}}, query: {{}} }}))",
            read(&script[1]),
            literal(&data)
        );
        let least = least::least(Duration::from_millis(millis), || {
            run(&source).map(drop).expect("the bench's scripts succeed");
        });
        println!("{}\t{}", script[0], least.as_nanos());
    }
}

fn run(source: &str) -> JsResult<String> {
    let mut context = Context::default();
    let output = context.eval(Source::from_bytes(source))?;
    Ok(output.to_string(&mut context)?.to_std_string_lossy())
}

/// A JavaScript string literal that holds this JSON text.
fn literal(json: &str) -> String {
    let escaped = json.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n").replace('\r', "\\r");
    format!("'{escaped}'")
}
