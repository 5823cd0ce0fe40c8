//! What the language says of regular expressions and numbers, where the engine said something else: one row a find. Runs natively, on stand-ins of the imports.

mod harness;

use harness::bodies::all;
use serde_json::json;

#[test]
fn regular_expressions_remember_where_they_were() {
    all(&[
        // Groups of a lookbehind are found from the last to the first, and named by their numbers.
        (
            "const m = 'xyz'.match(/(?<=(?<a>x)(?<b>y))z/d); return [m.groups, Object.keys(m.groups), m.indices.groups.b, 'xyz'.replace(/(?<=(?<a>x)(?<b>y))z/, '[$<a>$<b>$1$2]')]",
            json!([{ "a": "x", "b": "y" }, ["a", "b"], [1, 2], "xy[xyxy]"]),
        ),
        (
            "return [Object.keys(/(?<!(?<p>q)(?<r>s))(?<t>u)/.exec('u').groups), 'a-b'.match(/(?<=(?<l>a)(?:(?<m>-)|(?<n>\\+)))(?<o>b)/).groups.m]",
            json!([["p", "r", "t"], "-"]),
        ),
        // A loop that an outer loop enters again, and whose earlier run goes on after all.
        (
            "return [/(?:(?:ab ??)+){2}/, /(?:(?:ab(?: )??)+){2}/, /^(?:(?:a|bc??)+?d?){2}cd$/, /(?:(?:ab ?)+?){2}$/].map((re) => re.exec(re.source.startsWith('^') ? 'abccd' : 'ab ab')?.[0] ?? null)",
            json!(["ab ab", "ab ab", "abccd", "ab ab"]),
        ),
        ("return 'ar ac'.match(/(?:(?:[a]\\p{Lu}\\P{L}??)+){2}/iv)[0]", json!("ar ac")),
        // A group that backtracking opens again has found nothing yet.
        (
            "return ['aA'.match(/(.+\\1)A/), 'ba'.match(/(?<n>[ab]+\\k<n>){2}/), 'aab'.match(/(a*\\1b)/), /(?<=b(\\1.+))$/.exec('abcd')].map((m) => m && [...m])",
            json!([["aA", "a"], ["ba", "a"], ["aab", "aab"], ["", "cd"]]),
        ),
        // With `i` and `v`, sets hold what their characters fold to.
        (
            "return [/[\\p{L}--[a-m]]/iv, /[[a-z]--[A-M]]/iv, /[[a-z]--[C]]/iv, /[\\w&&[A]]/iv, /[A&&a]/iv, /\\P{Ll}/iv, /[\\P{Lu}]/iv, /[^\\P{Lu}]/iv, /[^[^a-c]]/iv, /[\\q{AB|x}--\\q{ab}]/iv, /[\\q{AB|x}&&\\q{ab}]/iv].map((re) => ['a', 'C', 'ab', 'Z'].map((text) => re.exec(text)?.[0] ?? '').join())",
            json!([
                ",,,Z", ",,,Z", "a,,a,Z", "a,,a,", "a,,a,", ",,,", ",,,", "a,C,a,Z", "a,C,a,", ",,,", ",,ab,"
            ]),
        ),
        // What V8 keeps of an earlier match when it has compiled a pattern, and what it makes of `[^]` with `v`.
        (
            "return [...'ab'.matchAll(/(x)?|b/g)].map((m) => m[1] === undefined).concat(/[^]*/v.exec('a\\nb')[0].length)",
            json!([true, true, true, 3]),
        ),
        // From pair to pair, however the pattern is flagged and whoever splits.
        (
            "class Own extends RegExp {} const text = '\u{1F600}\\ud83d'; return ['u', 'v', 'uy', 'vy', 'gu', 'gv'].flatMap((flags) => [text.split(new RegExp('', flags)).length, text.split(new Own('', flags)).length, text.replace(new Own('', flags), '|').length, text.replace(new RegExp('', flags), '|').length])",
            json!([2, 2, 4, 4, 2, 2, 4, 4, 2, 2, 4, 4, 2, 2, 4, 4, 2, 2, 6, 6, 2, 2, 6, 6]),
        ),
    ]);
}

#[test]
fn powers_and_sums_of_squares_are_those_of_the_language() {
    all(&[
        (
            "const [one, none, much, zero] = [1, NaN, Infinity, 0]; return [one ** none, one ** undefined, (-one) ** much, 1.5 ** none, one ** -much, none ** zero, Math.pow(one, none), one ** 'x', Math.pow(-1, much)].map(String)",
            json!(["NaN", "NaN", "NaN", "NaN", "NaN", "1", "NaN", "NaN", "NaN"]),
        ),
        (
            "let n = 1; n **= (() => {}); const o = { k: 1 }; o.k **= {}; return [n, o.k].map(String)",
            json!(["NaN", "NaN"]),
        ),
        (
            "const out = []; for (const base of [1.05, 1.1, 3, 7, 0.3, -2]) for (const power of [2, 5, 10, 31, -3]) out.push(base ** power === Math.pow(base, power)); return [out.every(Boolean), 2 ** 31, 2 ** -1, 10 ** 21, (-3) ** 3, String(7 ** 22)]",
            json!([true, 2147483648_u32, 0.5, 1e21, -27, "3909821048582988300"]),
        ),
        (
            "return [Math.hypot(0.1, 0.7), Math.hypot(0.3, 0.9), Math.hypot(3, 4), Math.hypot(1e200, 1e200), Math.hypot(5e-324), Math.hypot(1.1, 2.2, 3.3), Math.hypot(), Math.hypot(-0), Object.is(Math.hypot(-0, 0), 0), Math.hypot('3', [4]), Math.hypot(-7)]",
            json!([
                0.7071067811865476,
                0.9486832980505139,
                5,
                1.414213562373095e200,
                5e-324,
                4.115823125451335,
                0,
                0,
                true,
                5,
                7
            ]),
        ),
        (
            "const seen = []; const of = (n) => ({ valueOf() { seen.push(n); return n } }); return [String(Math.hypot(NaN, 1)), String(Math.hypot(NaN, -Infinity)), String(Math.hypot(of(Infinity), of(NaN), of(3))), seen.length]",
            json!(["NaN", "Infinity", "Infinity", 3]),
        ),
    ]);
}

#[test]
fn the_digits_of_an_integer_are_rounded_once() {
    all(&[
        (
            "return ['123456789012345678', '9007199254740993000', '90071992547409930000', '12345678901234567890123456789', '99999999999999999999999', '-123456789012345678px', '18014398509481985'].map((text) => [parseInt(text), parseInt(text, 10) === Number(parseInt(text).toString())].join())",
            json!([
                "123456789012345680,true",
                "9007199254740993000,true",
                "90071992547409940000,true",
                "1.2345678901234568e+28,true",
                "1e+23,true",
                "-123456789012345680,true",
                "18014398509481984,true"
            ]),
        ),
        // Half of the way goes to the even one, and a digit far behind makes it more than a half.
        (
            "const bits = (zeros, end) => parseInt('1' + '0'.repeat(zeros) + end, 2) - 2 ** (zeros + end.length); return [bits(52, '1'), bits(52, '11'), bits(51, '11'), bits(52, '10' + '0'.repeat(20)), bits(52, '1' + '0'.repeat(20) + '1')]",
            json!([0, 4, 4, 0, 4194304]),
        ),
        (
            "return [parseInt('20000000000001', 16), parseInt('0x20000000000003'), parseInt('7'.repeat(20), 8), parseInt('3'.repeat(30), 4), parseInt('vvvvvvvvvvvvvv', 32), parseInt('z'.repeat(15), 36), parseInt('2'.repeat(40), 3), parseInt('1'.repeat(2000), 2), parseInt('9'.repeat(400)), parseInt('-' + 'a'.repeat(300), 16), parseInt('0'.repeat(50) + '7', 9), parseInt('0'.repeat(2000) + '1', 2)].map(String)",
            json!([
                "9007199254740992",
                "9007199254740996",
                "1152921504606847000",
                "1152921504606847000",
                "1.1805916207174113e+21",
                "2.2107391972073336e+23",
                "12157665459056929000",
                "Infinity",
                "Infinity",
                "-Infinity",
                "7",
                "1"
            ]),
        ),
    ]);
}
