//! JSONPath against the examples of RFC 9535 and against another implementation of it.

use proptest::prelude::*;
use serde_json::{Value, json};
use serde_json_path::JsonPath;

use super::*;

const MAX_BYTES: usize = 1 << 20;

fn ask(text: &str, data: &Value) -> Result<Value, String> {
    let found =
        Query::compile(text)?.run(data, false, MAX_BYTES).map_err(|failure| format!("{failure:?}"))?;
    Ok(serde_json::from_str(&found).unwrap())
}

/// RFC 9535, 1.5.
fn store() -> Value {
    json!({"store": {
        "book": [
            {"category": "reference", "author": "Nigel Rees", "title": "Sayings of the Century", "price": 8.95},
            {"category": "fiction", "author": "Evelyn Waugh", "title": "Sword of Honour", "price": 12.99},
            {"category": "fiction", "author": "Herman Melville", "title": "Moby Dick", "isbn": "0-553-21311-3", "price": 8.99},
            {"category": "fiction", "author": "J. R. R. Tolkien", "title": "The Lord of the Rings", "isbn": "0-395-19395-8", "price": 22.99},
        ],
        "bicycle": {"color": "red", "price": 399},
    }})
}

/// RFC 9535, 2.3.5.3, and what is hard about names and numbers.
fn filtered() -> Value {
    json!({
        "a": [3, 5, 1, 2, 4, 6, {"b": "j"}, {"b": "k"}, {"b": {}}, {"b": "kilo"}],
        "o": {"p": 1, "q": 2, "r": 3, "s": 5, "t": {"u": 6}},
        "e": "f", "": {"": 0}, "a b": 1, "é": [2, 2.0, 2e0, -0.0, 9_007_199_254_740_993_i64], "j k": {"k.k": 3}, "'": {"@": 2},
        "text": ["ab\nc", "a.c", "a\rc", "abc", "aé", "👩 x", ""], "null": null, "list": [[1, [2]], [], {}, [null], true],
    })
}

const QUERIES: [&str; 92] = [
    "$",
    "$.store.book[*].author",
    "$..author",
    "$.store.*",
    "$.store..price",
    "$..book[2]",
    "$..book[2].author",
    "$..book[2].publisher",
    "$..book[-1]",
    "$..book[0,1]",
    "$..book[:2]",
    "$..book[?@.isbn]",
    "$..book[?@.price<10]",
    "$..*",
    "$['store']['book'][0]['title']",
    "$ ['store'] \n.book [ 0 , 1 ]",
    "$.a[?@.b == 'kilo']",
    "$.a[?(@.b == 'kilo')]",
    "$.a[?@>3.5]",
    "$.a[?@.b]",
    "$[?@.*]",
    "$[?@[?@.b]]",
    "$.o[?@<3, ?@<3]",
    "$.a[?@<2 || @.b == \"k\"]",
    "$.a[?match(@.b, \"[jk]\")]",
    "$.a[?search(@.b, \"[jk]\")]",
    "$.o[?@>1 && @<4]",
    "$.o[?@.u || @.x]",
    "$.a[?@.b == $.x]",
    "$.a[?@ == @]",
    "$.a[?!@.b]",
    "$.a[?!(@.b == 'j' || @ > 2)]",
    "$[?length(@) < 3]",
    "$[?length(@.a) == 1]",
    "$[?count(@.*) == 1]",
    "$[?count(@..*) > 3]",
    "$[?value(@..u) == 6]",
    "$[?value(@..b) == 'j']",
    "$.a[0:4:2]",
    "$.a[::-1]",
    "$.a[5:1:-2]",
    "$.a[-3:]",
    "$.a[:-3]",
    "$.a[1:1]",
    "$.a[::0]",
    "$.a[100:]",
    "$.a[-100:2]",
    "$.a[2:-100:-1]",
    "$.a[-1:-3:-1]",
    "$['']['']",
    "$[\"a b\"]",
    "$.é",
    "$.é[?@ == 2]",
    "$.é[?@ == 0]",
    "$['j k']['k.k']",
    "$['\\'']['@']",
    "$[\"'\"][\"@\"]",
    "$['\\u00e9']",
    "$['\\u0061']",
    "$.text[?match(@, 'a.c')]",
    "$.text[?search(@, 'a.c')]",
    "$.text[?match(@, 'a[.]c')]",
    "$.text[?match(@, 'a\\\\.c')]",
    "$.text[?length(@) == 3]",
    "$.text[?match(@, '')]",
    "$.text[?match(@, '(')]",
    "$.text[?match(@, 'a|abc')]",
    "$.text[?@ > 'abc']",
    "$.text[?@ <= 'a.c']",
    "$[?@ == null]",
    "$.null",
    "$.null.x",
    "$.list[*]",
    "$.list[?@ == @]",
    "$.list[?@ == $.list[1]]",
    "$.list..[0]",
    "$..[?@ == 2]",
    "$..[0, 'b', *]",
    "$.list[?@[0]]",
    "$.list[?@ == true]",
    "$.list[?@.x == @.y]",
    "$.list[?@.x != 1]",
    "$.list[?@.x < 1]",
    "$.a[?@ >= 'a']",
    "$.a[?1 == 1]",
    "$.a[?'a' != 1]",
    "$.a[?@.b == {}]",
    "$[?$.o.p == 1]",
    "$..[?@.u]",
    "$.o[*,'p',*]",
    "$[?@.b && !@.c || @.p]",
    "$['o','a']..*",
];

#[test]
fn it_finds_what_another_implementation_finds() {
    let mut refused = Vec::new();
    for text in QUERIES {
        match JsonPath::parse(text) {
            Ok(path) => {
                for data in [store(), filtered()] {
                    assert_eq!(ask(text, &data), Ok(json!(path.query(&data).all())), "{text}");
                }
            }
            Err(_) => refused.push(text),
        }
    }
    for text in &refused {
        assert!(ask(text, &json!(1)).is_err(), "{text}");
    }
    assert_eq!(refused, ["$.a[?@.b == {}]"]);
}

#[test]
fn what_is_no_query_is_refused() {
    let wrong = [
        "",
        " $",
        "$ ",
        "a",
        "$.",
        "$..",
        "$...a",
        "$.a.",
        "$[",
        "$[]",
        "$[,]",
        "$[0,]",
        "$['a'",
        "$['a",
        "$[a]",
        "$.1a",
        "$.a-b",
        "$.-a",
        "$. a",
        "$.. a",
        "$[01]",
        "$[-0]",
        "$[1.0]",
        "$[+1]",
        "$[9007199254740992]",
        "$[-9007199254740992]",
        "$[::-0]",
        "$[0:01]",
        "$['\\x']",
        "$['\\u12']",
        "$['\\ud800']",
        "$['\\ud800\\u0041']",
        "$['\\udc00']",
        "$[\"\\'\"]",
        "$['\\\"']",
        "$['\n']",
        "$[?]",
        "$[?@.a ==]",
        "$[?@.a = 1]",
        "$[?@.a === 1]",
        "$[?(@.a]",
        "$[?@.a)]",
        "$[?@.a &&]",
        "$[?@.a & @.b]",
        "$[?1]",
        "$[?'a']",
        "$[?true]",
        "$[?@.a == @.*]",
        "$[?@..a == 1]",
        "$[?@[0:1] == 1]",
        "$[?@['a','b'] == 1]",
        "$[?length(@.a)]",
        "$[?count(@.a)]",
        "$[?count(1) == 1]",
        "$[?length(@.*) == 1]",
        "$[?match(@.a)]",
        "$[?match(@.a, 'a') == true]",
        "$[?length (@.a) == 1]",
        "$[?Length(@.a) == 1]",
        "$[?foo(@)]",
        "$[?!@.a == 1]",
        "$[?!!@.a]",
        "$[?@.a == 01]",
        "$[?@.a == 1.]",
        "$[?@.a == .1]",
        "$[?@.a == +1]",
        "$[?@.a == nullx]",
        "$[?@.a == TRUE]",
        "$[?@.a == [1]]",
        "$[?@a]",
        "$x",
        "$[?@.a == 1e]",
        "$[?@.a == -]",
        "$(@)",
        "$[?((@.a)]",
        "$[?@.a == 1 == 2]",
    ];
    for text in wrong {
        assert!(Query::compile(text).is_err(), "{text}");
        assert!(JsonPath::parse(text).is_err(), "the other implementation takes {text}");
    }
}

/// Where the other implementation differs from table 11 of RFC 9535: `==` implies `<=` and `>=`, of what is
/// absent too.
#[test]
fn less_or_equal_holds_for_what_is_equal() {
    for (test, expected) in [
        ("$.absent1 <= $.absent2", true),
        ("$.absent1 >= $.absent2", true),
        ("$.absent1 < $.absent2", false),
        ("$.absent <= 1", false),
        ("$.o <= $.o", true),
        ("true >= true", true),
        ("true > true", false),
        ("1 <= '1'", false),
        ("1 <= 1.0", true),
        ("'b' >= 'a'", true),
    ] {
        let found = ask(&format!("$.a[?{test}]"), &json!({"a": [1], "o": {"p": 1}}));
        assert_eq!(found, Ok(if expected { json!([1]) } else { json!([]) }), "{test}");
    }
}

#[test]
fn whole_numbers_are_compared_exactly() {
    let found = ask("$.é[?@ > 9007199254740992]", &filtered());
    assert_eq!(found, Ok(json!([9_007_199_254_740_993_i64])));
}

#[test]
fn a_dot_in_a_pattern_is_no_line_break() {
    let found = ask("$.text[?match(@, 'a.*c')]", &filtered());
    assert_eq!(found, Ok(json!(["a.c", "abc"])));
}

#[test]
fn a_result_over_its_limit_is_refused() {
    let query = Query::compile("$[*]").unwrap();
    assert_eq!(query.run(&json!([1, 2]), false, 5), Ok("[1,2]".to_owned()));
    assert_eq!(query.run(&json!([1, 2]), false, 4), Err(Failure::TooLarge));
}

fn any_query() -> impl Strategy<Value = String> {
    let selector = prop_oneof![
        Just("*".to_owned()),
        (-3..4_i64).prop_map(|index| index.to_string()),
        (-4..5_i64, -4..5_i64, -2..3_i64).prop_map(|(from, to, step)| format!("{from}:{to}:{step}")),
        prop_oneof!["a", "b", "o"].prop_map(|name| format!("'{name}'")),
        ("(@|[$])([.][abo]|\\[0\\]){0,2}", "==|!=", "[0-4]|'j'|@[.]b|null|true")
            .prop_map(|(l, op, r)| format!("?{l} {op} {r}")),
        // The other implementation orders objects too, which the RFC does not.
        ("(@|[$])([.][abo]|\\[0\\]){0,2}", "<|>", "[0-4]|'j'")
            .prop_map(|(l, op, r)| format!("?{l} {op} {r}")),
        "[?]!?@([.][abo]|[.][.][*]|\\[0\\]){0,2}( && @[.]b| [|][|] !@[.]b)?",
    ];
    let segment = prop_oneof![
        prop::collection::vec(selector, 1..3).prop_map(|selectors| format!("[{}]", selectors.join(","))),
        "[.][abo]|[.][*]|[.][.][abo]|[.][.][*]",
    ];
    prop::collection::vec(segment, 0..4).prop_map(|segments| format!("${}", segments.concat()))
}

proptest! {
    #[test]
    fn any_query_finds_what_another_implementation_finds(text in any_query()) {
        let path = JsonPath::parse(&text).unwrap();
        let data = filtered();
        prop_assert_eq!(ask(&text, &data), Ok(json!(path.query(&data).all())), "{}", text);
    }

    #[test]
    fn no_text_is_taken_that_another_implementation_refuses(text in "[$@.*?!&|=<>()\\[\\],:'\"a-c0-2 -]{0,24}") {
        let text = format!("${text}");
        prop_assert_eq!(Query::compile(&text).is_ok(), JsonPath::parse(&text).is_ok(), "{}", text);
    }
}
