import { PluginError, definePlugin } from "flowcell-plugin";
import { kinds } from "./kinds";
import type { Kind } from "./kinds";
import { Redactor } from "./redact";
import type { Mode } from "./redact";

interface Input {
  text?: string;
  value?: unknown;
  kinds?: Kind[];
  mode?: Mode;
  replacement?: string;
}

interface Output {
  text?: string;
  value?: unknown;
  found: { kind: Kind; count: number }[];
}

export const handler = definePlugin<Input, Output>({
  name: "pii-redact",
  version: "1.0.0",
  title: "Takes personal data out of a text or of all texts of a JSON value",
  input: {
    type: "object",
    properties: {
      text: { type: "string", description: "A text; or give `value`" },
      value: { description: "A JSON value: its strings are redacted, and numbers that are one finding as a whole" },
      kinds: { type: "array", items: { enum: [...kinds] }, uniqueItems: true, description: "What to look for: everything without" },
      mode: {
        enum: ["replace", "mask"],
        default: "replace",
        description: "`replace` puts `replacement` in its place; `mask` leaves what people recognise it by, as in ************1111",
      },
      replacement: { type: "string", default: "[{kind}]", description: "{kind} in it becomes the kind" },
    },
    oneOf: [{ required: ["text"] }, { required: ["value"] }],
    additionalProperties: false,
  },
  output: {
    type: "object",
    properties: {
      text: { type: "string" },
      value: {},
      found: {
        type: "array",
        items: {
          type: "object",
          properties: { kind: { enum: [...kinds] }, count: { type: "integer", minimum: 1 } },
          required: ["kind", "count"],
        },
      },
    },
    required: ["found"],
  },
  examples: [
    {
      title: "A text",
      input: { text: "Ada <ada@example.com>, 138 0013 8000, paid with 4111 1111 1111 1111 from 192.0.2.7" },
      output: {
        text: "Ada <[email]>, [phone], paid with [card] from [ipv4]",
        found: [{ kind: "email", count: 1 }, { kind: "card", count: 1 }, { kind: "ipv4", count: 1 }, { kind: "phone", count: 1 }],
      },
    },
    {
      title: "A value, masked",
      input: { value: { iban: "DE89 3704 0044 0532 0130 00", order: 7, id: "11010519491231002X" }, mode: "mask" },
      output: {
        value: { iban: "**** **** **** **** **30 00", order: 7, id: "**************002X" },
        found: [{ kind: "iban", count: 1 }, { kind: "cn_id", count: 1 }],
      },
    },
  ],
  run(input) {
    if ((input.text === undefined) === (input.value === undefined)) {
      throw new PluginError("bad_input", "give either `text` or `value`");
    }
    const redactor = new Redactor(input.kinds ?? [...kinds], input.mode ?? "replace", input.replacement ?? "[{kind}]");
    const redacted =
      input.text === undefined ? { value: redactor.value(input.value) } : { text: redactor.text(input.text) };
    return { ...redacted, found: redactor.found() };
  },
});
