//! Packages that scripts commonly want: `flowcell bundle` makes libraries of them, and scripts that use them run.
//!
//! Made once for one state of the bundler's sources and kept below `target/libraries`; a second run needs no network.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{flowcell_command, root};

/// One library and a script that uses it.
struct Library {
    name: &'static str,
    version: &'static str,
    /// The script's imports.
    imports: &'static str,
    /// The body of its function.
    body: &'static str,
    /// What that gives, as JSON.
    output: &'static str,
}

const LIBRARIES: [Library; 14] = [
    Library {
        name: "lodash-es",
        version: "4.18.1",
        imports: "import { chunk, groupBy, merge, get } from 'lodash-es';",
        body: "return [chunk([1, 2, 3], 2), groupBy([1.2, 1.3, 2.1], Math.floor), merge({ a: { b: 1 } }, { a: { c: 2 } }),
            get({ a: [{ b: 7 }] }, 'a[0].b')];",
        output: r#"[[[1, 2], [3]], {"1": [1.2, 1.3], "2": [2.1]}, {"a": {"b": 1, "c": 2}}, 7]"#,
    },
    Library {
        name: "dayjs",
        version: "1.11.23",
        imports: "import dayjs from 'dayjs';",
        body: "const day = dayjs('2024-02-28T10:00:00Z').add(2, 'day');
            return [day.toISOString(), day.diff('2024-02-28T10:00:00Z', 'hour'), dayjs('2024-01-31').add(1, 'month').format('DD/MM/YYYY')];",
        output: r#"["2024-03-01T10:00:00.000Z", 48, "29/02/2024"]"#,
    },
    Library {
        name: "zod",
        version: "4.6.7",
        imports: "import { z } from 'zod';",
        body: "const order = z.object({ id: z.number().int().positive(), email: z.email(), tags: z.array(z.string()).default([]) });
            const wrong = order.safeParse({ id: -1, email: 'x' });
            return [order.parse({ id: 1, email: 'a@b.example' }), wrong.success, wrong.error.issues.map((issue) => issue.path[0])];",
        output: r#"[{"id": 1, "email": "a@b.example", "tags": []}, false, ["id", "email"]]"#,
    },
    Library {
        name: "uuid",
        version: "14.0.3",
        imports: "import { v4, v5, validate, version } from 'uuid';",
        body: "const id = v4();
            return [validate(id), version(id), v4() === id, v5('flowcell.example', v5.DNS)];",
        output: r#"[true, 4, false, "048f964b-f7aa-54a3-96b5-724d554a448d"]"#,
    },
    Library {
        name: "nanoid",
        version: "6.0.2",
        imports: "import { nanoid, customAlphabet } from 'nanoid';",
        body: "return [nanoid().length, /^[\\w-]+$/.test(nanoid()), nanoid() === nanoid(), customAlphabet('ab', 5)().length];",
        output: "[21, true, false, 5]",
    },
    Library {
        name: "jsonata",
        version: "2.2.2",
        imports: "import jsonata from 'jsonata';",
        body: "const order = { items: [{ name: 'a', price: 2, n: 3 }, { name: 'b', price: 5, n: 1 }] };
            return [await jsonata('$sum(items.(price * n))').evaluate(order),
                await jsonata('items[price > 2].name & \"!\"').evaluate(order)];",
        output: r#"[11, "b!"]"#,
    },
    Library {
        name: "papaparse",
        version: "5.7.1",
        imports: "import Papa from 'papaparse';",
        body: "const { data, errors } = Papa.parse('name,n\\n\"a, b\",1\\nc,2\\n', { header: true, dynamicTyping: true, skipEmptyLines: true });
            return [data, errors, Papa.unparse([{ x: 'q\"q', y: 1 }])];",
        output: r#"[[{"name": "a, b", "n": 1}, {"name": "c", "n": 2}], [], "x,y\r\n\"q\"\"q\",1"]"#,
    },
    Library {
        name: "ajv",
        version: "8.20.0",
        imports: "import Ajv from 'ajv';",
        body: "const validate = new Ajv({ allErrors: true }).compile({
                type: 'object', required: ['id'], properties: { id: { type: 'integer' }, name: { type: 'string', minLength: 2 } } });
            return [validate({ id: 1 }), validate({ name: 'x' }), validate.errors.map((error) => error.keyword)];",
        output: r#"[true, false, ["required", "minLength"]]"#,
    },
    Library {
        name: "handlebars",
        version: "4.7.10",
        imports: "import Handlebars from 'handlebars';",
        body: "return Handlebars.compile('{{#each items}}{{@index}}:{{name}} {{/each}}')({ items: [{ name: '<a>' }, { name: 'b' }] });",
        output: r#""0:&lt;a&gt; 1:b ""#,
    },
    Library {
        name: "cheerio",
        version: "1.2.0",
        imports: "import * as cheerio from 'cheerio';",
        body: "const $ = cheerio.load('<ul><li class=\"a\">1<li>2</ul>');
            $('li.a').text('one');
            return [$('li').map((_, item) => $(item).text()).get(), $('ul').html()];",
        output: r#"[["one", "2"], "<li class=\"a\">one</li><li>2</li>"]"#,
    },
    Library {
        name: "node-html-parser",
        version: "9.0.7",
        imports: "import { parse } from 'node-html-parser';",
        body: "const page = parse('<div id=\"x\"><a href=\"/y\">z</a></div>');
            return [page.querySelector('#x a').getAttribute('href'), page.querySelector('a').text];",
        output: r#"["/y", "z"]"#,
    },
    Library {
        name: "fast-xml-parser",
        version: "5.12.1",
        imports: "import { XMLParser, XMLBuilder } from 'fast-xml-parser';",
        body: "const read = new XMLParser({ ignoreAttributes: false }).parse('<o n=\"1\"><i>a &amp; b</i><i>2</i></o>');
            return [read, new XMLBuilder().build({ o: { i: ['<', 2] } })];",
        output: r#"[{"o": {"i": ["a & b", 2], "@_n": "1"}}, "<o><i>&lt;</i><i>2</i></o>"]"#,
    },
    Library {
        name: "jsonwebtoken",
        version: "9.0.3",
        imports: "import jwt from 'jsonwebtoken';",
        body: "const token = jwt.sign({ sub: 'a' }, 'secret', { expiresIn: '1h' });
            let wrong;
            try { jwt.verify(token, 'other'); } catch (error) { wrong = error.message; }
            return [jwt.verify(token, 'secret').sub, wrong];",
        output: r#"["a", "invalid signature"]"#,
    },
    Library {
        name: "jose",
        version: "6.2.18",
        imports: "import { SignJWT, jwtVerify } from 'jose';",
        body: "const key = new TextEncoder().encode('0123456789abcdef0123456789abcdef');
            const token = await new SignJWT({ sub: 'a' }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('1h').sign(key);
            return [(await jwtVerify(token, key)).payload.sub, token.split('.').length];",
        output: r#"["a", 3]"#,
    },
];

/// Downloads are kept here.
pub fn cache() -> PathBuf {
    root().join("target/libraries/cache")
}

/// The folder of what this state of the bundler makes.
pub fn folder() -> PathBuf {
    let mut sha = Sha256::new();
    let sources = root().join("src/cli/bundle");
    let mut files: Vec<_> = fs::read_dir(sources).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().for_each(|file| sha.update(fs::read(file).unwrap()));
    root().join("target/libraries").join(hex::encode(&sha.finalize()[..8]))
}

/// Whether the bundler's own tools are in the cache, so that others need no network for them.
pub fn has_tools() -> bool {
    bundled(&folder(), &LIBRARIES[4]).is_ok() && cache().join("flowcell/npm").is_dir()
}

/// Bundles a library unless it was; what it says when that does not work.
fn bundled(folder: &Path, library: &Library) -> Result<(), String> {
    bundled_at(folder, library.name, library.version)
}

/// Bundles a package at a version unless it was; what it says when that does not work.
pub fn bundled_at(folder: &Path, name: &str, version: &str) -> Result<(), String> {
    let file = folder.join(format!("{name}.js"));
    let begins = format!("// {name} {version},");
    if fs::read_to_string(&file).is_ok_and(|text| text.starts_with(&begins)) {
        return Ok(());
    }
    let wanted = format!("{name}@{version}");
    let output = flowcell_command()
        .env("XDG_CACHE_HOME", cache())
        .arg("bundle")
        .arg(wanted)
        .arg("--dir")
        .arg(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Err(stderr);
    }
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with(&begins), "{text:.200}");
    let lock: Value = serde_json::from_slice(&fs::read(folder.join("libraries.json")).unwrap()).unwrap();
    let line = &lock[name];
    assert_eq!((&line["version"], &line["bytes"]), (&json!(version), &json!(text.len())));
    assert!(line["integrity"].as_str().unwrap().starts_with("sha512-"), "{line}");
    Ok(())
}

/// The output of a run of a script, or the message of its error.
fn run(libraries: &Path, library: &Library) -> Result<Value, String> {
    let place = tempfile::tempdir().unwrap();
    let workflow = place.path().join("script");
    let file = format!("libraries/{}.js", library.name);
    fs::create_dir(&workflow).unwrap();
    fs::create_dir(place.path().join("libraries")).unwrap();
    fs::copy(libraries.join(format!("{}.js", library.name)), place.path().join(file)).unwrap();
    let limits = json!({ "fuel": 50_000_000_000_u64, "timeout": "60s", "memory": "128MiB" });
    let json = json!({
        "key": "script",
        "trigger": { "type": "manual" },
        "steps": [{ "id": "main", "type": "code", "file": "main.js", "limits": limits }],
    });
    fs::write(workflow.join("workflow.json"), json.to_string()).unwrap();
    let script = format!("{}\nexport default async function () {{\n{}\n}}\n", library.imports, library.body);
    fs::write(workflow.join("main.js"), script).unwrap();
    fs::write(place.path().join("event.json"), "{}").unwrap();
    let output = flowcell_command()
        .arg("run")
        .arg(&workflow)
        .arg("--event")
        .arg(place.path().join("event.json"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let run: Value = serde_json::from_slice(&output.stdout)
        .map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())?;
    let step = &run["steps"][0];
    match step["status"].as_str() {
        Some("succeeded") => Ok(step["output"].clone()),
        _ => Err(run["error"]["message"].as_str().unwrap_or_default().to_owned()),
    }
}

#[test]
fn every_library_is_bundled_at_its_version() {
    let folder = folder();
    let failed: Vec<_> = LIBRARIES
        .iter()
        .filter_map(|library| Some((library.name, bundled(&folder, library).err()?)))
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn scripts_use_every_library() {
    let folder = folder();
    let mut wrong = Vec::new();
    for library in &LIBRARIES {
        let came = bundled(&folder, library).and_then(|()| run(&folder, library));
        if came != Ok(serde_json::from_str(library.output).unwrap()) {
            wrong.push((library.name, came));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_cannot_be_bundled_is_told_in_one_line() {
    let place = tempfile::tempdir().unwrap();
    let bundle = |names: &[&str]| {
        let output =
            flowcell_command().arg("bundle").args(names).arg("--dir").arg(place.path()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, told) = bundle(&["../x"]);
    assert!(code == Some(2) && told.contains("not the name of a package"), "{told}");
    let (code, told) = bundle(&["dayjs", "--registry", "http://127.0.0.1:9/"]);
    assert!(code == Some(2) && told.contains("the registry cannot be reached"), "{told}");
    assert!(fs::read_dir(place.path()).unwrap().next().is_none(), "nothing is left behind");
}
