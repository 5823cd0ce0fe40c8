//! TypeScript runs as it is written: types are gone before anything runs, and errors name the author's own line and column.

use serde_json::json;

use crate::support::{TestServer, Workflow, flowcell};

/// A webhook whose one step is the TypeScript file `main.ts`.
fn typed(key: &str, source: &str) -> Workflow {
    let mut workflow = Workflow::script(key, "").file("main.ts", source);
    workflow.files.remove(0);
    workflow.json["steps"][0]["file"] = json!("main.ts");
    workflow
}

const BODY: &str = "interface Item { price: number; count?: number }
type Order = { items: Item[] };
const order = context.data as Order | null;
const sum = (items: readonly Item[]): number =>
  items.reduce<number>((sum, { price, count }: Item) => sum + price * (count ?? 1), 0);
return { total: sum(order?.items ?? []) satisfies number };
";

const MODULE: &str = "type Handler<T> = (context: { data: T }) => Promise<{ kind: string }>;
abstract class Shape {
  protected constructor(readonly_: boolean) { this.fixed = readonly_; }
  public fixed: boolean;
  declare ignored: string;
  abstract area(): number;
}
class Square extends Shape implements Iterable<number> {
  private readonly side!: number;
  constructor(side: number) { super(true); (this as any).side = side; }
  override area(): number { return this.side ** 2; }
  *[Symbol.iterator](): Generator<number> { yield this.area(); }
}
const main = (async (context): Promise<{ kind: string }> => ({
  kind: `${[...new Square(<number>context.data!)][0]}`,
})) as Handler<number>
export default main
";

#[test]
fn typescript_runs_in_both_forms() {
    let server = TestServer::start([typed("body", BODY), typed("module", MODULE)]);
    let order = json!({ "items": [{ "price": 2, "count": 3 }, { "price": 4 }] });
    assert_eq!(server.post("body", &order).json(), json!({ "total": 10 }));
    assert_eq!(server.post("module", &json!(7)).json(), json!({ "kind": "49" }));
}

#[test]
fn an_error_in_typescript_names_its_own_place_and_shows_it() {
    let source = "type Options = {\n  retries?: number;\n};\nfunction load<T extends Options>(options: T): never {\n  \
        throw new TypeError(`no: ${(options as Options).retries!}`);\n}\nload<Options>({ retries: 2 });\n";
    let server = TestServer::start([typed("fails", source)]);
    let response = server.hook("fails");
    let run = server.run(&response.run_id());
    let error = &run["error"];
    assert_eq!(error["message"], "TypeError: no: 2");
    assert_eq!(error["position"], json!({ "file": "main.ts", "line": 5, "column": 9 }));
    assert!(error["stack"].as_str().unwrap().contains("main.ts:7:"), "{error}");
    let frame = "  3 | };\n  4 | function load<T extends Options>(options: T): never {\n> 5 |   throw new TypeError(`no: ${(options as Options).retries!}`);\n    |         ^\n  6 | }\n  7 | load<Options>({ retries: 2 });";
    assert_eq!(error["frame"], frame);
    assert_eq!(run["steps"][0]["error"]["frame"], frame);

    let id = response.run_id();
    let shown =
        flowcell(["runs", "show", &id, "--json", "--server", &server.url(), "--token", &server.token()]);
    assert!(shown.stderr.contains(&format!("main.ts:5:9: TypeError: no: 2\n{frame}")), "{}", shown.stderr);
    assert!(serde_json::from_str::<serde_json::Value>(&shown.stdout).is_ok(), "stdout stays JSON");
}

#[test]
fn run_and_test_show_the_lines_of_an_error() {
    let root = tempfile::tempdir().unwrap();
    let fixture = r#"{ "event": { "data": 1 }, "expect": { "status": 200 } }"#;
    let source = "const a: number = context.data;\nthrow new Error('here ' + (a as number))";
    typed("fails", source).file("fixtures/one.json", fixture).write(root.path());
    let folder = root.path().join("fails");
    let event = folder.join("fixtures/one.json");
    let ran = flowcell(["run".into(), folder.clone(), "--event".into(), event]);
    let frame = "> 2 | throw new Error('here ' + (a as number))\n    |       ^";
    assert!(ran.code == 1 && ran.stderr.contains("main.ts:2:7: Error: here 1\n"), "{ran:?}");
    assert!(ran.stderr.contains(frame), "{}", ran.stderr);
    let tested = flowcell(["test".into(), folder]);
    let shown: String =
        tested.stdout.lines().map(|line| format!("{}\n", line.trim_start_matches("        "))).collect();
    assert!(tested.code == 1 && shown.contains(frame), "{}", tested.stdout);
}

#[test]
fn what_is_wrong_in_typescript_is_told_with_line_column_and_frame() {
    let sources = [
        ("open", "const a: { b: number } = {\n  b: 1,\n;\nreturn a"),
        ("no-type", "function f(a: ): void {}\n"),
        ("enum", "enum Color { Red = }\nreturn Color.Red"),
        ("accessor", "class A {\n  accessor b = 1;\n}"),
        ("twice", "const a: number = 1;\nconst a: string = '';\n"),
    ];
    let root = tempfile::tempdir().unwrap();
    let mut told = String::new();
    for (key, source) in sources {
        typed(key, source).write(root.path());
        let checked = flowcell(["check".into(), root.path().join(key)]);
        assert_eq!(checked.code, 1, "{key}: {checked:?}");
        told.push_str(&checked.stdout.replace(&format!("{}/", root.path().display()), ""));
        told.push('\n');
    }
    insta::assert_snapshot!("mistakes_in_typescript", told);
}

/// Enums, namespaces, parameter properties, decorators and `import a = require()` in one file, which fails in its last line but one.
const WHOLE: &str = "import crypto = require('crypto');
enum Color { Red, Green = 'green', Blue = Red + 5 }
const enum Size { Small = 1, Large = Small << 4 }
namespace Money {
  export const rate = 2;
  export namespace Deep { export function twice(n: number): number { return n * rate; } }
}
function logged(target: any, key: string, desc: PropertyDescriptor): void {
  const { value } = desc;
  desc.value = function (...all: unknown[]) { return `${key}:${value.apply(this, all)}`; };
}
function tagged(tag: string) { return (target: any) => { target.tag = tag; }; }
@tagged('order')
class Order {
  constructor(private readonly id: number, public color: Color = Color.Red) {}
  @logged
  total(n: number): number { return this.id + n; }
}
const order = new Order(40);
export default async (context: Flowcell.Context) => {
  const found = [Color[0], Color.Green, Color.Blue, Size.Large, Money.Deep.twice(4), order.total(2), (Order as any).tag, order.color, crypto.createHash('md5').update('a').digest('hex').slice(0, 6)];
  if (context.data === null) return found;
  throw new RangeError(`no ${Color[order.color]}`);
};
";

#[test]
fn typescript_that_is_more_than_types_runs_and_its_errors_have_their_own_places() {
    let server = TestServer::start([typed("whole", WHOLE)]);
    let found = json!(["Red", "green", 5, 16, 8, "total:42", "order", 0, "0cc175"]);
    assert_eq!(server.hook("whole").json(), found);
    let failed = server.post("whole", &json!({ "a": 1 }));
    assert_eq!(failed.status, 500);
    let error = server.run(&failed.run_id())["error"].clone();
    assert_eq!(error["message"], "RangeError: no Red");
    assert_eq!(error["position"], json!({ "file": "main.ts", "line": 23, "column": 9 }), "{error}");
    assert!(error["frame"].as_str().unwrap().contains("> 23 |   throw new RangeError("), "{error}");
}

#[test]
fn typescript_in_a_js_file_is_told_to_be_renamed() {
    let root = tempfile::tempdir().unwrap();
    Workflow::script("js", "const a: number = 1;\nreturn a").write(root.path());
    let checked = flowcell(["check".into(), root.path().join("js")]);
    assert!(
        checked.stdout.contains("main.js:1:8: this is TypeScript: name the file `main.ts`"),
        "{checked:?}"
    );
}
