// Takes what `kinds` recognises out of texts, and counts it.
import { kinds, rules } from "./kinds";
import type { Kind } from "./kinds";

export type Mode = "replace" | "mask";

interface Finding {
  kind: Kind;
  start: number;
  end: number;
}

export class Redactor {
  readonly #kinds: Kind[];
  readonly #mode: Mode;
  readonly #replacement: string;
  readonly #counts = new Map<Kind, number>();

  constructor(wanted: Kind[], mode: Mode, replacement: string) {
    this.#kinds = kinds.filter((kind) => wanted.includes(kind));
    this.#mode = mode;
    this.#replacement = replacement;
  }

  text(text: string): string {
    let redacted = "";
    let from = 0;
    for (const { kind, start, end } of findings(text, this.#kinds)) {
      redacted += text.slice(from, start) + this.#instead(kind, text.slice(start, end));
      from = end;
    }
    return redacted + text.slice(from);
  }

  /** Names of fields stay: workflows go by them. */
  value(value: unknown): unknown {
    if (typeof value === "string") return this.text(value);
    if (typeof value === "number") return this.#number(value);
    if (Array.isArray(value)) return value.map((item) => this.value(item));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, this.value(field)]));
  }

  found(): { kind: Kind; count: number }[] {
    return kinds.filter((kind) => this.#counts.has(kind)).map((kind) => ({ kind, count: this.#counts.get(kind)! }));
  }

  #number(value: number): unknown {
    const text = String(value);
    const [first] = findings(text, this.#kinds);
    const whole = first !== undefined && first.start === 0 && first.end === text.length;
    return whole ? this.#instead(first.kind, text) : value;
  }

  #instead(kind: Kind, finding: string): string {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
    return this.#mode === "mask" ? mask(kind, finding) : this.#replacement.replaceAll("{kind}", () => kind);
  }
}

/** From left to right, without overlaps. */
function findings(text: string, wanted: Kind[]): Finding[] {
  const taken: Finding[] = [];
  for (const kind of wanted) {
    const found = candidates(text, kind).filter(({ start, end }) => !overlaps(taken, start, end));
    taken.push(...found);
    taken.sort((a, b) => a.start - b.start);
  }
  return taken;
}

function candidates(text: string, kind: Kind): Finding[] {
  const { pattern, length } = rules[kind];
  const found: Finding[] = [];
  for (const match of text.matchAll(pattern)) {
    const used = length(match[0]);
    if (used > 0) found.push({ kind, start: match.index, end: match.index + used });
  }
  return found;
}

/** `taken` is sorted: the last that begins before `end` decides. */
function overlaps(taken: Finding[], start: number, end: number): boolean {
  let low = 0;
  let high = taken.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (taken[middle].start < end) low = middle + 1;
    else high = middle;
  }
  return low > 0 && taken[low - 1].end > start;
}

/** Separators stay, and so does what tells one from another: the end of a number, the host of an address. */
function mask(kind: Kind, finding: string): string {
  if (kind === "email") return finding[0] + "***" + finding.slice(finding.lastIndexOf("@"));
  if (kind === "ipv4") return finding.slice(0, finding.lastIndexOf(".")) + ".*";
  let left = 4;
  return [...finding]
    .reverse()
    .map((char) => (/[A-Za-z0-9]/.test(char) && left-- <= 0 ? "*" : char))
    .reverse()
    .join("");
}
