// How each kind is recognised: a pattern that finds candidates, and a check of what is more than a pattern. No pattern has a
// repetition that can begin everywhere without a bound, so that the time is linear in the text.
import { cnIdIsValid, ibanIsValid, ibanLength, luhnIsValid } from "./checks";

/** In this order: where two overlap, the earlier is taken. */
export const kinds = ["email", "iban", "cn_id", "card", "ipv4", "phone"] as const;

export type Kind = (typeof kinds)[number];

interface Rule {
  pattern: RegExp;
  /** How much of a candidate it is; 0 for nothing. */
  length(candidate: string): number;
}

const whole = (valid: (candidate: string) => boolean) => (candidate: string) => (valid(candidate) ? candidate.length : 0);
const always = whole(() => true);
const octet = "(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)";
const local = "[\\w.!#$%&'*+/=?^`{|}~-]";
const label = "[\\p{L}\\p{N}](?:[\\p{L}\\p{N}-]{0,61}[\\p{L}\\p{N}])?";

export const rules: Record<Kind, Rule> = {
  email: {
    pattern: new RegExp(`(?<!${local})${local}{1,64}@(?:${label}\\.){1,8}\\p{L}[\\p{L}\\p{N}-]{0,61}[\\p{L}\\p{N}]`, "gu"),
    length: always,
  },
  // The longest is 34 characters, in groups by single spaces; how long this one is the country tells.
  iban: {
    pattern: /(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}/g,
    length(candidate) {
      const digits = ibanLength(candidate.slice(0, 2));
      let end = 0;
      for (let seen = 0; seen < digits; end++) {
        if (end === candidate.length) return 0;
        if (candidate[end] !== " ") seen++;
      }
      const ends = end === candidate.length || candidate[end] === " ";
      return ends && ibanIsValid(candidate.slice(0, end).replaceAll(" ", "")) ? end : 0;
    },
  },
  cn_id: {
    pattern: /(?<![A-Za-z0-9])[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![A-Za-z0-9])/g,
    length: whole(cnIdIsValid),
  },
  card: {
    pattern: /(?<![\dA-Za-z])[2-6]\d{3}(?:[ -]?\d){8,15}(?!\d)/g,
    length: whole((candidate) => luhnIsValid(candidate.replace(/[ -]/g, ""))),
  },
  ipv4: {
    pattern: new RegExp(`(?<![\\d.])(?:${octet}\\.){3}${octet}(?!\\d|\\.\\d)`, "g"),
    length: always,
  },
  phone: {
    pattern: new RegExp(
      [
        // A Chinese mobile, with or without its country.
        "(?<![\\d+])(?:(?:\\+|00)?86[ -]?)?1[3-9]\\d[ -]?\\d{4}[ -]?\\d{4}(?!\\d)",
        // International.
        "(?<![\\d+])\\+[1-9](?:[ ().-]{0,2}\\d){6,14}(?!\\d)",
        // National: an area code in brackets, or with 0, or in the groups of North America.
        "(?<![\\d.])\\(0?\\d{2,4}\\) ?\\d{3,4}[ -]?\\d{3,4}(?!\\d)",
        "(?<![\\d.])0\\d{2,4}[ /-]\\d{3,4}[ -]?\\d{3,5}(?!\\d)",
        "(?<![\\d.-])[2-9]\\d{2}([ .-])\\d{3}\\1\\d{4}(?!\\d)",
      ].join("|"),
      "g",
    ),
    length: always,
  },
};
