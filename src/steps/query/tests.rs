//! Queries of all three languages: what they give, what they refuse, and that nothing runs away.

use std::time::{Duration, Instant};

use serde_json::json;

use super::*;

fn query(language: QueryLanguage, text: &str, first: bool) -> Result<Query, String> {
    let spec = QueryStep { language, query: text.to_owned(), from: json!("{{$context.data}}"), first };
    compile(&spec, "steps[0]").map_err(|error| error.to_string())
}

fn ask(language: QueryLanguage, text: &str, data: &Value) -> Result<Value, String> {
    let answer = query(language, text, false)?.ask(data);
    answer.map(|json| json.to_value()).map_err(|error| format!("{}: {}", error.code.as_str(), error.message))
}

fn orders() -> Value {
    json!({"orders": [
        {"id": 1, "total": 9.5, "tags": ["a", "b"], "buyer": {"name": "Ann"}},
        {"id": 2, "total": 120, "tags": [], "buyer": {"name": "Bob"}},
        {"id": 3, "total": 120, "tags": ["b"], "buyer": null},
    ], "note": "v1.2"})
}

#[test]
fn each_language_takes_parts_of_the_data() {
    use QueryLanguage::{JmesPath, Jq, JsonPath};
    let cases = [
        (JsonPath, "$.orders[?@.total > 100].id", json!([2, 3])),
        (JsonPath, "$..name", json!(["Ann", "Bob"])),
        (JsonPath, "$.nothing", json!([])),
        (
            JmesPath,
            "orders[?total > `100`].{id: id, buyer: buyer.name}",
            json!([{"id": 2, "buyer": "Bob"}, {"id": 3, "buyer": null}]),
        ),
        (JmesPath, "sort_by(orders, &total)[-1].id", json!(3)),
        (JmesPath, "max_by(orders, &total).id", json!(2)),
        (JmesPath, "min_by(orders, &id).id", json!(1)),
        (JmesPath, "map(&total, orders)", json!([9.5, 120, 120])),
        (JmesPath, "sum(orders[].total)", json!(249.5)),
        (JmesPath, "join(', ', orders[].tags[])", json!("a, b, b")),
        (JmesPath, "orders[::-2].id", json!([3, 1])),
        (JmesPath, "length(orders) == `3` && note", json!("v1.2")),
        (JmesPath, "nothing", json!(null)),
        (Jq, ".orders[] | select(.total > 100) | .id", json!([2, 3])),
        (Jq, "[.orders[].total] | add", json!([249.5])),
        (
            Jq,
            ".orders | group_by(.total) | map({total: .[0].total, n: length})",
            json!([[{"total": 9.5, "n": 1}, {"total": 120, "n": 2}]]),
        ),
        (
            Jq,
            "reduce .orders[] as $o ({}; .[$o.id | tostring] = $o.total)",
            json!([{"1": 9.5, "2": 120, "3": 120}]),
        ),
        (Jq, "def big: .total > 100; [.orders[] | big]", json!([[false, true, true]])),
        (Jq, "empty", json!([])),
        (Jq, ".orders[0] | to_entries[0]", json!([{"key": "id", "value": 1}])),
        (Jq, "[limit(3; repeat(1))]", json!([[1, 1, 1]])),
        (Jq, "[.orders[].buyer.name // \"nobody\"]", json!([["Ann", "Bob"]])),
        (Jq, ".note | capture(\"v(?<major>\\\\d+)\")", json!([{"major": "1"}])),
        (
            Jq,
            ".note | test(\"^V\"; \"i\"), sub(\"(?<x>\\\\d)\"; \"<\\(.x)>\"), gsub(\"\\\\d\"; \"#\")",
            json!([true, "v<1>.2", "v#.#"]),
        ),
        (Jq, "[.note | splits(\"[.]\")], (.note | split(\".\"))", json!([["v1", "2"], ["v1", "2"]])),
        (
            Jq,
            "@base64 \"\\(.note)\", ([1, \"a\\\"b\", null] | @csv), (.note | @uri), @json",
            json!(["djEuMg==", "1,\"a\"\"b\",", "v1.2", orders().to_string()]),
        ),
        (Jq, "try error(\"no\") catch .", json!(["no"])),
        (Jq, "1 as $x | [$x, 2] | .[0] += 10", json!([[11, 2]])),
        (Jq, "{} | .a.b[2] = 1", json!([{"a": {"b": [null, null, 1]}}])),
        (
            Jq,
            "[1,2,3,4] | del(.[0,1]), del(.[] | select(. > 2)), .[1:3] = [9]",
            json!([[3, 4], [1, 2], [1, 9, 4]]),
        ),
        (
            Jq,
            "[1,[2,[3]]] | flatten, getpath([1,0]), [paths] , [..|numbers]",
            json!([[1, 2, 3], 2, [[0], [1], [1, 0], [1, 1], [1, 1, 0]], [1, 2, 3]]),
        ),
        (Jq, "walk(if type == \"number\" then . + 1 else . end) | .orders[0].id", json!([2])),
        (
            Jq,
            "[1,2] | contains([1]), index(2), inside([1,2,3]), has(1), has(5)",
            json!([true, 1, true, true, false]),
        ),
        (Jq, "1700000000 | todate, (todate | fromdate)", json!(["2023-11-14T22:13:20Z", 1_700_000_000])),
        (Jq, "[3, 1, null, \"a\", {}, [], true] | sort", json!([[null, true, 1, 3, "a", [], {}]])),
        (
            Jq,
            "\"abc\" | .[1:2], length, ascii_upcase, ltrimstr(\"a\"), explode",
            json!(["b", 3, "ABC", "bc", [97, 98, 99]]),
        ),
        (
            Jq,
            "9007199254740993, 1e3, 0.1 + 0.2, 1/0, (0/0)",
            json!([9_007_199_254_740_993_i64, 1000, 0.300_000_000_000_000_04, f64::MAX, null]),
        ),
        (
            Jq,
            "[{\"name\": \"a\", \"value\": 1}, {\"k\": \"b\", \"v\": 2}] | from_entries",
            json!([{"a": 1, "b": 2}]),
        ),
        (Jq, "[[1,2],[3]] | transpose, (map(add) | join(\"-\"))", json!([[[1, 3], [2, null]], "3-3"])),
        (Jq, "\"[1,{}]\" | fromjson, (\"12\" | tonumber)", json!([[1, {}], 12])),
        (Jq, "label $out | 1, break $out, 2", json!([1])),
        (
            Jq,
            "[range(0; 10; 3)], [foreach (1,2,3) as $x (0; . + $x)], (1 | until(. > 100; . * 2))",
            json!([[0, 3, 6, 9], [1, 3, 6], 128]),
        ),
        (
            Jq,
            "{a: {b: 1}} * {a: {c: 2}} | del(.a.b), with_entries(.value = 0)",
            json!([{"a": {"c": 2}}, {"a": 0}]),
        ),
    ];
    for (language, text, expected) in cases {
        assert_eq!(ask(language, text, &orders()), Ok(expected), "{text}");
    }
}

#[test]
fn the_first_result_alone_may_be_asked_for() {
    use QueryLanguage::{Jq, JsonPath};
    let first =
        |language, text: &str| query(language, text, true).unwrap().ask(&orders()).unwrap().to_value();
    assert_eq!(first(JsonPath, "$.orders[*].id"), json!(1));
    assert_eq!(first(JsonPath, "$.nothing"), json!(null));
    assert_eq!(first(Jq, ".orders[].id"), json!(1));
    assert_eq!(first(Jq, "empty"), json!(null));
    // What comes after it is never computed.
    assert_eq!(first(Jq, "1, error(\"no\"), repeat(1)"), json!(1));
    assert!(query(QueryLanguage::JmesPath, "a", true).unwrap_err().starts_with("steps[0].first: "));
}

#[test]
fn a_mistake_names_its_place_in_the_expression() {
    use QueryLanguage::{JmesPath, Jq, JsonPath};
    let cases = [
        (JsonPath, "orders", "at character 1: expected `$`"),
        (JsonPath, "$.a[", "at the end: expected a name in quotes"),
        (JsonPath, "$.é[?@.a = 1]", "at character 10: expected `,` or `]`"),
        (JsonPath, "$[?lenght(@) > 1]", "at character 4: there is no function `lenght`"),
        (JsonPath, "$[?@.* == 1]", "at character 4: this path may lead to many values"),
        (JmesPath, "a..b", "at character 3: "),
        (JmesPath, "a[?b > `1`", "at the end: Expected ']'"),
        (JmesPath, "lenght(a)", "at character 7: there is no function `lenght`"),
        (Jq, ".a |", "at the end: expected `term`"),
        (Jq, ".a | selct(.b)", "at character 6: there is no function `selct/1`"),
        (Jq, "[.a", "at the end: expected a closing bracket"),
        (Jq, "$x", "at character 1: there is no variable `$x`"),
        (Jq, "def f: f; f", "at character 8: `f` calls itself"),
        (Jq, "flowcell_main", "at character 1: `flowcell_main` calls itself"),
        (Jq, ".a.b. | 1", "at character 7: expected `key`"),
    ];
    for (language, text, expected) in cases {
        let error = query(language, text, false).unwrap_err();
        let message = error.strip_prefix("steps[0].query: ").unwrap_or_else(|| panic!("{error}"));
        assert!(message.starts_with(expected), "{text}: {message}");
    }
    let long = format!("${}", ".a".repeat(MAX_LENGTH));
    assert!(query(JsonPath, &long, false).unwrap_err().contains("4096 are the most"));
}

#[test]
fn an_expression_that_does_not_fit_the_data_is_an_error() {
    use QueryLanguage::{JmesPath, Jq};
    let cases = [
        (JmesPath, "sum(note)", "query_error: at character 4: Argument 0 expects type"),
        (JmesPath, "sort_by(orders, &buyer)", "query_error: at character 8: the expression must give"),
        (JmesPath, "&note", "query_error: `&…` is for functions"),
        (Jq, ".note + 1", "query_error: cannot calculate \"v1.2\" + 1"),
        (Jq, ".orders.id", "query_error: cannot index an array of more than 80 bytes with \"id\""),
        (Jq, "error({a: 1})", "query_error: {\"a\":1}"),
        (Jq, "\"x\" * 1200000", "output_too_large: "),
        (Jq, "reduce range(128) as $i (0; [.])", "output_invalid: "),
    ];
    for (language, text, expected) in cases {
        let error = ask(language, text, &orders()).unwrap_err();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}

/// What a server would not survive without limits.
#[test]
fn no_query_takes_long_or_much_memory_or_ends_the_process() {
    use QueryLanguage::{JmesPath, Jq, JsonPath};
    let deep =
        (0..120).fold(json!(1), |inner, _| json!([inner, inner]).as_array().unwrap()[..1].to_vec().into());
    let data = json!({
        "list": (0..20_000).collect::<Vec<i32>>(),
        "rows": (0..2_000).map(|n| json!({"a": n, "b": {"c": [n, n]}, "s": "x".repeat(50)})).collect::<Vec<_>>(),
        "deep": deep, "text": "x".repeat(500_000), "text2": "y".repeat(500_000),
    });
    let nested = |open: &str, inner: &str, close: &str, times: usize| {
        format!("{}{inner}{}", open.repeat(times), close.repeat(times))
    };
    let mut hostile: Vec<(QueryLanguage, String)> = [
        "repeat(1)", "[repeat(1)]", "last(repeat(1))", "last(range(1e18))", "[range(1e18)] | length", "range(1e18)",
        "[limit(1000000000; repeat(1))] | length", "until(false; .)", "while(true; .)", "last(while(true; . ))",
        "recurse(.)", "last(recurse(.; true))", "[recurse([.])] | length", "reduce range(1e9) as $x (0; . + 1)",
        "last(foreach repeat(1) as $x (0; . + 1))", "first(repeat(empty))", "isempty(repeat(empty))", "any(repeat(false); .)",
        "last(range(1e18) | try error(.) catch empty)", "[.[]? | try repeat(1) catch 1]", "last(repeat(error(1)?))",
        "last(range(1e18) | (error(1))?)", "last((repeat(1) | error(1))? // repeat(2))", "[range(1e18) // 1]",
        "\"x\" * 1e18", "\"x\" * 4000000000", "reduce range(100) as $i (\"xxxxxxxx\"; . + .) | length",
        "reduce range(200) as $i (2; . * .)", "reduce range(64) as $i ([1]; . + .)", "reduce range(200) as $i (1; [., .])",
        "reduce range(200) as $i (1; [., .]) | tojson | length", "reduce range(200) as $i (1; {a: ., b: .}) | [..] | length",
        "reduce range(200) as $i (1; [., .]) | flatten | length", "reduce range(60) as $i (1; [., .]) | . == .",
        "reduce range(1000000) as $i (1; [.])", "reduce range(1000000) as $i ({}; {a: .})", "reduce range(1000000) as $i (null; .a = .)",
        "reduce range(1000000) as $i ({}; .a |= {a: .})", "[range(1000000)] | map([.]) | length",
        "setpath([range(1000000) | tostring]; 1)", "setpath([range(300) | \"a\"]; 1)", "getpath([range(1000000) | tostring])",
        "null | path(getpath([range(1000000) | tostring])) | length", "null | [path(reduce range(1000000) as $i (.; .[0:]))] | length",
        "null | [path(last(recurse(.a)))] | length", "null | path(limit(100000; recurse(.a)))", "null | [limit(200000; path(recurse(.a)))] | length",
        "(reduce range(1000000) as $i (.; .)) |= 1", "(foreach range(1000000) as $i (.; .)) |= 1", "(last(repeat(.))) |= 1",
        "(first(range(1000000) as $i | .)) |= 1", ".[1e9] = 1", "[] | .[1e9] = 1", "[] | .[1e15] = 1", ".list[:1e18] = .list",
        "def f(g): g | g; f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(.))))))))))))))))))))))))))))",
        "def a(g): g|g; def b(g): a(a(g)); def c(g): b(b(g)); def d(g): c(c(g)); def e(g): d(d(g)); def h(g): e(e(g)); h(h(.))",
        "def a: .,.; def b: a|a|a|a; def c: b|b|b|b; def d: c|c|c|c; [d] | length",
        "def f: def g: g; g; f", "def f(x): x | f(x); f(.)",
        ".list | combinations", ".list as $l | [$l[] as $a | $l[] as $b | 1] | length", ".list as $l | [$l[] | $l] | tojson | length",
        "[.list[] as $x | .list] | length", ".list | . - .", ".list as $l | [$l[] | inside($l)]", ".list | contains([.[] | -1])",
        "[.rows[] | tojson] | join(\"\") | length", ".list | map([range(1000)]) | add | length", ".list | index([1,2])",
        ".text | [match(\"(x+x+)+y\"; \"g\")]", ".text | [match(\"x\"; \"g\")] | length", ".text | gsub(\"\"; \"yy\") | length",
        ".text | gsub(\"(?<a>x)\"; .a + .a)", ".text | test(\"(x{1,500}){1,500}\")", "[range(1000) as $i | \"a{\\($i)}\"] | map(. as $r | \"a\" | test($r)) | length",
        ".text | [match(\"(?:x+y|x)\"; \"g\").string] | length", ".text | explode | implode | length", ".text | split(\"\") | length",
        ".text / \"\" | length", ".text | indices(\"x\") | length", ".text | indices(\"xxxxxxxxxxxxxxxxxxxxxxxxxxxx\") | length", ".text | ascii_downcase | @base64 | @uri | @html | @sh | length",
        ".text as $t | [range(10000) | $t | ascii_upcase] | length", ".text as $t | [range(10000) | $t | length] | length", ".text as $t | [range(10000) | $t[1:]] | length",
        ".text as $t | [range(10000) | $t < ($t + \"a\")] | length", "[range(100000)] | sort_by(-.) | group_by(. % 10) | length", "[range(100000)] | unique_by(1) | length",
        "[range(100000)] | min_by([range(100)])", "[range(100000) | {a: .}] | add", "[range(30000) | {(tostring): .}] | add | length", "input", "inputs", "env", "$ENV", "now", "halt", "halt_error", "debug", "localtime", "import \"a\" as a; 1",
        "include \"a\"; 1", "jn(1000000000; 1)", "\"\\(repeat(1))\"", "[.[]?, repeat(.)] | length", "ltrimstr(repeat(1))", "{(repeat(\"a\")): 1}", "{a: repeat(1)} | empty",
        "repeat(1) as $x | empty", "repeat(1) as [$a] ?// $a | empty", "[paths] | length", "[..] | map(tojson) | add | length", ".deep | [paths] | length", ".deep | walk([.])", ".deep | walk(if type == \"array\" then [.] else . end)",
        ".deep | tojson | fromjson | tojson | length", "[limit(100; repeat(\"[\"))] | add | fromjson", "[limit(100000; repeat(\"[\"))] | add | fromjson", "[range(1000)] | map(.,.) | map(.,.) | map(.,.) | map(.,.) | map(.,.) | map(.,.) | map(.,.) | map(.,.) | map(.,.) | map(.,.) | map(.,.) | map(.,.) | length",
        "splits(repeat(\"a\"))", "strftime(\"%1000000000Y\")", "1 | strftime(\"%0255d\" * 10000)", "[1e1000, -1e1000, 1e308 * 10] | map(tostring)", "[99999999999999999999, 1] | .[0] % 7", "-9223372036854775808 % -1", "[nan, nan, 1, nan] | sort | unique | length", "nan % 1", "[limit(-1; 1)], [limit(1e18; 1, 2)]", "[skip(1e18; repeat(1))]",
        "[-9223372036854775808, 1] | implode", "[2024, 127, 1, 0, 0, 0] | mktime", "[1e18, 1e18, 1e18, 1e18, 1e18, 1e18] | mktime", "1e300 | todate", "ldexp(1; 1e18)", "\"abc\" | .[-9e18:9e18]", "[1,2,3] | .[nan], .[infinite], .[-infinite]", "[1,2,3] | .[nan] = 9", "$__loc__", "getpath([repeat(1)])", "tojson | ltrimstr(\"a\") | test(\"a\") | not | [limit(10; repeat(.))] | combinations | combinations", "[.list[:12][] | [0,1,2,3,4,5,6,7,8,9]] | [combinations] | length", "[range(100000)] | combinations(100)",
    ].map(|text| (Jq, text.to_owned())).into();
    hostile.extend([
        (Jq, nested("[", "1", "]", 64)),
        (Jq, nested("[", "1", "]", 2_000)),
        (Jq, nested("-", "1", "", 4_000)),
        (Jq, nested("try ", "1", "", 1_000)),
        (Jq, nested("1|", "1", "", 2_000)),
        (Jq, nested("1,", "1", "", 2_000)),
        (Jq, nested("1+", "1", "", 2_000)),
        (Jq, nested(".a.", "a", "", 1_300)),
        (Jq, nested("if . then 1 elif ", "1", " end", 1).to_owned()),
        (Jq, nested("def a: ", "1", "; a", 500)),
        (Jq, nested(". as $x | ", ".", "", 400)),
        (Jq, nested("label $x | ", ".", "", 370)),
        (Jq, nested("reduce ", ".", " as $x (.; .)", 60)),
        (Jq, nested(".[]?|", ".", "", 700)),
        (Jq, nested("(.,.)|", ".", "", 600)),
        (Jq, nested("..|", ".", "", 1_000)),
        (Jq, nested("map(", ".", ")", 60)),
        (Jq, nested("first(", "repeat(1)", ")", 60)),
        (Jq, "?".repeat(4_000)),
        (Jq, format!(".{}", "?".repeat(4_000))),
        (Jq, format!(".a{}", "[]?".repeat(1_300))),
        (Jq, nested("\"\\(", "1", ")\"", 60)),
        (Jq, nested("1 // ", "1", "", 800)),
        (Jq, nested("1 as [$a] ?// ", "$a | 1", "", 3)),
        (JsonPath, "$..*..*..*..*".to_owned()),
        (JsonPath, "$..[*]..[*]..[*]".to_owned()),
        (JsonPath, "$..[?$..[?$..*]]".to_owned()),
        (JsonPath, "$.list[?count($..*) > 1]".to_owned()),
        (JsonPath, "$.rows[?@..[?@..*]]".to_owned()),
        (JsonPath, "$.rows[?$.rows[?@.a == $.rows[0].a]]".to_owned()),
        (JsonPath, "$.list[?$.list == $.list]".to_owned()),
        (JsonPath, format!("$.list{}", "[0:9999:1,0:9999:1]".repeat(3))),
        (JsonPath, format!("$.deep{}", "..*".repeat(1_000))),
        (JsonPath, format!("${}", "[*,*]".repeat(600))),
        (JsonPath, format!("$.deep{}", "[0,0]".repeat(119))),
        (JsonPath, "$.rows[?match(@.s, '(x+x+)+y')]".to_owned()),
        (JsonPath, "$.rows[?search(@.s, @.s)]".to_owned()),
        (JsonPath, "$.list[?search($.text, '(x|xx)*y')]".to_owned()),
        (JsonPath, "$[?search(@, '((x{100}){100}){100}')]".to_owned()),
        (JsonPath, nested("$[?", "@.a", "]", 60)),
        (JsonPath, nested("$[?length(", "@.a", ")>1]", 30)),
        (JsonPath, nested("$[?!(", "@.a", ")]", 30)),
        (JsonPath, format!("$[?{}1]", "!".repeat(4_000))),
        (JsonPath, nested("$[?", "1==1", "]", 2_000)),
        (JsonPath, "$.list[9007199254740991:-9007199254740991:-9007199254740991]".to_owned()),
        (JsonPath, "$.list[::9007199254740991]".to_owned()),
        (JsonPath, "$[?length($..*) == 1 || $..* && @..*]".to_owned()),
        (JmesPath, "[@,@][]|".repeat(500) + "@"),
        (JmesPath, "[@,@]|".repeat(600) + "@"),
        (JmesPath, "[@,@]|".repeat(600) + "to_string(@)"),
        (JmesPath, "[@,@]|".repeat(600) + "@==@"),
        (JmesPath, "{a:@,b:@}|".repeat(350) + "to_string(@)"),
        (JmesPath, "to_string([".repeat(20) + "text" + &"])".repeat(20)),
        (JmesPath, nested("to_string([", "@", "])", 30)),
        (JmesPath, "list[?contains(`[1,2]`, @)]".to_owned()),
        (JmesPath, "join(text, list[].to_string(@))".to_owned()),
        (JmesPath, "join(text2, map(&'x', list))".to_owned()),
        (JmesPath, "sort_by(list, &to_string([@,@,@]))".to_owned()),
        (
            JmesPath,
            "list[].[@,@,@,@,@,@,@,@,@,@][].[@,@,@,@,@,@,@,@,@,@][].[@,@,@,@,@,@,@,@,@,@][]".to_owned(),
        ),
        (
            JmesPath,
            "map(&sort_by(@, &@), [list, list, list, list, list, list, list, list, list, list])".to_owned(),
        ),
        (JmesPath, nested("map(&", "@", ",list)", 30)),
        (JmesPath, nested("[", "@", "]", 64)),
        (JmesPath, nested("!", "@", "", 4_000)),
        (JmesPath, nested("&", "@", "", 4_000)),
        (JmesPath, nested("a.", "a", "", 2_000)),
        (JmesPath, nested("a||", "a", "", 1_300)),
        (JmesPath, "a[]".repeat(1_000)),
        (JmesPath, "*.".repeat(2_000) + "*"),
        (JmesPath, "list[-2147483648]".to_owned()),
        (JmesPath, "list[2147483647]".to_owned()),
        (JmesPath, "list[1:2147483647:2147483647]".to_owned()),
        (JmesPath, "list[-2147483648:2147483647:-2147483648]".to_owned()),
        (JmesPath, "list[99999999999]".to_owned()),
        (JmesPath, format!("`{}`", "[".repeat(4_000))),
        (JmesPath, "reverse(text) == text".to_owned()),
        (JmesPath, "max_by(rows, &length(to_string($)))".to_owned()),
        (JmesPath, "merge(`{}`)".to_owned()),
        (JmesPath, "\"\\ud800\"".to_owned()),
        (JmesPath, "'".to_owned()),
        (JmesPath, "`".to_owned()),
        (JmesPath, "`\\".to_owned()),
        (JmesPath, String::new()),
    ]);
    let mut slow = Vec::new();
    for (language, text) in hostile {
        let start = Instant::now();
        let _any = ask(language, &text, &data);
        // Each takes less than half a second in a release, on a machine that does nothing else; tests are not optimised.
        if start.elapsed() > Duration::from_secs(30) {
            slow.push(format!("{:?} {}", start.elapsed(), &text[..text.floor_char_boundary(80)]));
        }
    }
    assert!(slow.is_empty(), "{slow:#?}");
}

/// What people do with a received page of data, far from the limits.
#[test]
fn a_megabyte_is_within_the_budget_of_everyday_queries() {
    use QueryLanguage::{JmesPath, Jq, JsonPath};
    let row = |n: u32| {
        json!({"id": n, "name": format!("customer {n}"), "mail": format!("c{n}@example.com"), "tags": ["new", "eu"],
               "address": {"city": "Berlin", "zip": "10115"}, "total": n % 500, "paid": n.is_multiple_of(3)})
    };
    let data = json!({"rows": (0..8_000).map(row).collect::<Vec<_>>()});
    assert!(data.to_string().len() > 1 << 20);
    let queries = [
        (Jq, ".rows | map(select(.paid and .total > 100) | {id, city: .address.city}) | length"),
        (Jq, ".rows | group_by(.total) | map({total: .[0].total, n: length}) | length"),
        (Jq, "[.rows[].total] | add / length, max, min"),
        (Jq, ".rows | map(.name) | join(\", \") | length"),
        (Jq, "[.rows[] | .mail | select(test(\"^c[0-9]*7@\"))] | length"),
        (Jq, ".rows | sort_by(-.total) | .[:10] | map(.id)"),
        (Jq, "reduce .rows[] as $row ({}; .[$row.id | tostring] = $row.total) | length"),
        (Jq, ".rows |= map(del(.address)) | .rows | length"),
        (Jq, ".rows | map(.mail | sub(\"@.*\"; \"\")) | unique | length"),
        (Jq, "[.rows[] | \"\\(.id);\\(.name)\"] | add | length"),
        (Jq, ".rows | map([.id, .name, .mail] | @csv) | join(\"\\n\") | length"),
        (Jq, ".rows | map({(.id | tostring): .name}) | add | length"),
        (Jq, "[paths(scalars)] | length"),
        (Jq, "[.. | strings] | length"),
        (Jq, "tojson | fromjson | .rows | length"),
        (JmesPath, "rows[?paid && total > `100`].{id: id, city: address.city} | length(@)"),
        (JmesPath, "sort_by(rows, &total)[-1].id"),
        (JmesPath, "join(', ', rows[].name) | length(@)"),
        (JsonPath, "$.rows[?@.paid == true && @.total > 490].id"),
        (JsonPath, "$..city[?@ == 1]"),
        (JsonPath, "$.rows[?match(@.mail, 'c[0-9]*77@example[.]com')].id"),
    ];
    let failed: Vec<_> = queries
        .into_iter()
        .filter_map(|(language, text)| Some((text, ask(language, text, &data).err()?)))
        .collect();
    assert_eq!(failed, []);
}
