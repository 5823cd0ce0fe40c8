import assert from "node:assert/strict";
import { test } from "node:test";
import { call } from "../../../flowcell-plugin/testing/host.js";
import { handler } from "../../../../build/js/pii-redact.js";

const text = (text, options = {}) => call(handler, { text, ...options }).text;

test("the examples are true", () => {
  for (const example of handler.describe().examples) {
    assert.deepEqual(call(handler, JSON.parse(example.input)), JSON.parse(example.output), example.title);
  }
});

test("what is found, and what only looks like it", () => {
  const cases = [
    ["mail bob.o'neil+x@mail.example.co.uk.", "mail [email]."],
    ["a@b is none, nor is @example.com", "a@b is none, nor is @example.com"],
    ["李雷@例子.中国", "李雷@例子.中国"],
    ["x@例子.中国", "[email]"],
    ["电话13800138000或+86 139-1234-5678。", "电话[phone]或[phone]。"],
    ["+1 (415) 555-2671 and +49 171 1234567", "[phone] and [phone]"],
    ["(415) 555-2671, 415-555-2671, 0171 1234567, 021-12345678", "[phone], [phone], [phone], [phone]"],
    ["order 12345678901 of 2024-01-02 at 10:20", "order 12345678901 of 2024-01-02 at 10:20"],
    ["4111111111111111 5500-0000-0000-0004", "[card] [card]"],
    ["4111111111111112", "4111111111111112"],
    ["GB82 WEST 1234 5698 7654 32 AND MORE", "[iban] AND MORE"],
    ["NO9386011117947, GB82WEST12345698765433", "[iban], GB82WEST12345698765433"],
    ["11010519491231002X 11010519491231002x 110105194912310021", "[cn_id] [cn_id] 110105194912310021"],
    ["11010519490230002X", "11010519490230002X"],
    ["192.0.2.255 and 1.2.3.4.5 and 256.1.1.1 v1.2.3", "[ipv4] and 1.2.3.4.5 and 256.1.1.1 v1.2.3"],
  ];
  for (const [given, expected] of cases) assert.equal(text(given), expected);
});

test("only the kinds asked for, with the replacement asked for", () => {
  assert.equal(text("a@example.com 192.0.2.1", { kinds: ["ipv4"], replacement: "<$& {kind}>" }), "a@example.com <$& ipv4>");
});

test("a mask leaves the end", () => {
  const cases = [
    ["ada@example.com", "a***@example.com"],
    ["192.0.2.1", "192.0.2.*"],
    ["+86 138-0013-8000", "+** ***-****-8000"],
    ["4111 1111 1111 1111", "**** **** **** 1111"],
  ];
  for (const [given, expected] of cases) assert.equal(text(given, { mode: "mask" }), expected);
});

test("values are walked, and whole numbers are found", () => {
  const value = { "a@example.com": [null, true, 13800138000, 42, 4111111111111111, { x: "b@example.com" }] };
  assert.deepEqual(call(handler, { value }), {
    value: { "a@example.com": [null, true, "[phone]", 42, "[card]", { x: "[email]" }] },
    found: [{ kind: "email", count: 1 }, { kind: "card", count: 1 }, { kind: "phone", count: 1 }],
  });
});

test("a field named __proto__ stays a field", () => {
  const handed = handler.run('{"value": {"__proto__": "a@example.com"}}', {});
  assert.equal(handed, '{"value":{"__proto__":"[email]"},"found":[{"kind":"email","count":1}]}');
});

test("neither text nor value is an error with a code", () => {
  assert.throws(() => call(handler, {}), { code: "bad_input", retry: false });
});

test("a long hostile text takes no long time", () => {
  const start = performance.now();
  for (const piece of ["a", "1", "a.", "1.", "1 ", "+1", "GB82 ", "a@", "(1"]) text(piece.repeat(20_000));
  assert.ok(performance.now() - start < 5_000);
});
