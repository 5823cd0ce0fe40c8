//! A code step's file imports other files of its workflow and libraries, and nothing else.

use std::fs;

use serde_json::json;

use crate::support::{TestServer, Workflow, flowcell};

/// A workflow whose files import each other: subfolders, TypeScript, a cycle, a built-in, a dynamic import.
fn modules(key: &str) -> Workflow {
    Workflow::script(
        key,
        "import { price } from './lib/price';\nimport sum, { label } from './lib/sum.js';\nimport { createHash } from 'node:crypto';\n\
         export default async (context) => {\n  const { late } = await import('./lib/late.mjs');\n  \
         return { total: sum(context.data.map(price)), label, late, hash: createHash('sha256').update('a').digest('hex').slice(0, 6) };\n};",
    )
    .file("lib/price.ts", "import type { Item } from '../types';\nexport const price = (item: Item): number => item.price;")
    .file("lib/sum.js", "import { words } from './words/index.js';\nexport default (all) => all.reduce((a, b) => a + b, 0);\nexport const label = words();")
    .file("lib/words/index.js", "import sum from '../sum.js';\nexport function words() { return typeof sum === 'function' ? 'early' : 'cycle'; }")
    .file("lib/late.mjs", "export const late = 'here';")
    .file("types.d.ts", "export interface Item { price: number }")
}

#[test]
fn files_import_each_other() {
    let server = TestServer::start([modules("modules")]);
    let answer = server.post("modules", &json!([{ "price": 2 }, { "price": 3 }])).json();
    assert_eq!(
        (&answer["total"], &answer["late"], &answer["hash"]),
        (&json!(5), &json!("here"), &json!("ca9781"))
    );
}

#[test]
fn libraries_are_found_in_the_workflow_and_beside_the_workflows() {
    let source = "import own from 'own';\nimport { shared } from '@team/shared';\nexport default () => [own, shared, require('own')];";
    let server = TestServer::start([
        Workflow::script("libraries", "return 0"),
        Workflow::script("uses", source)
            .file("libraries/own.js", "export default 'mine';")
            .file("../libraries/own.js", "export default 'not mine';")
            .file("../libraries/@team/shared.js", "export * from './parts.js';")
            .file("../libraries/@team/parts.js", "export const shared = 'ours';"),
    ]);
    assert_eq!(server.hook("uses").json(), json!(["mine", "ours", "mine"]));
}

#[test]
fn an_error_in_a_module_names_that_modules_line() {
    let workflow = Workflow::script("fails", "import { f } from './lib/f.ts';\nexport default () => f();")
        .file(
            "lib/f.ts",
            "type A = 1;\nexport function f(): never {\n  throw new Error('deep' as string);\n}",
        );
    let server = TestServer::start([workflow]);
    let error = server.run(&server.hook("fails").run_id())["error"].clone();
    assert_eq!(error["position"], json!({ "file": "lib/f.ts", "line": 3, "column": 9 }));
    assert!(
        error["frame"].as_str().unwrap().contains("> 3 |   throw new Error('deep' as string);"),
        "{error}"
    );
}

#[test]
fn a_syntax_error_in_a_module_is_told_by_check() {
    let root = tempfile::tempdir().unwrap();
    Workflow::script("js", "import './lib.js';\nexport default 1")
        .file("lib.js", "export const a = ;")
        .write(root.path());
    let checked = flowcell(["check".into(), root.path().join("js")]);
    assert!(checked.code == 1 && checked.stdout.contains("lib.js:1:18: "), "{checked:?}");
}

#[test]
fn an_import_that_leads_nowhere_is_told_with_file_line_and_what_to_do() {
    let imports = [
        ("missing-file", "import { a } from './lib/gone';"),
        ("missing-library", "const d = require('dayjs');\nimport z from 'zod';"),
        ("scoped", "export { a } from '@scope/name/part';"),
        ("outside", "import a from '../other/main.js';"),
        ("absolute", "import a from '/etc/passwd';"),
        ("address", "await import('https://esm.sh/dayjs');"),
        ("page", "import a from './page.tsx';"),
        ("declarations", "import { a } from './types.d.ts';"),
        ("node", "import fs from 'node:fs';"),
    ];
    let root = tempfile::tempdir().unwrap();
    let mut told = String::new();
    for (key, import) in imports {
        // In a module of its own: the importing file is the one that is told.
        let mut workflow =
            Workflow::script(key, "").file("main.ts", &format!("{import}\nexport default 1;\n"));
        workflow.json["steps"][0]["file"] = json!("main.ts");
        workflow.files.remove(0);
        workflow =
            workflow.file("typed.ts", "export const a = 1").file("types.d.ts", "").file("data.json", "1");
        workflow.write(root.path());
        let checked = flowcell(["check".into(), root.path().join(key)]);
        assert_eq!(checked.code, 1, "{key}: {checked:?}");
        told.push_str(&checked.stdout.replace(&format!("{}/", root.path().display()), ""));
        told.push('\n');
    }
    insta::assert_snapshot!("imports_that_lead_nowhere", told);
}

/// S: a workflow reads its own files and libraries, whatever its imports say.
#[test]
fn s_no_import_reads_a_file_of_another_workflow() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("secret.js"), "export default 'the secret';").unwrap();
    Workflow::script("other", "return 'the secret'").write(root.path());
    for specifier in [
        "../secret.js",
        "./../secret.js",
        "./lib/../../secret.js",
        "..\\\\secret.js",
        "../other/main.js",
        "x/../../other/main",
    ] {
        let source = format!("import '{specifier}';\nexport default 1;");
        Workflow::script("curious", &source).write(root.path());
        let checked = flowcell(["check".into(), root.path().join("curious")]);
        assert!(checked.code == 1 && !checked.stdout.contains("the secret"), "{specifier}: {checked:?}");
    }
}
