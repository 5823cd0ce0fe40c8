// The server of tests: change `state` before a call, read it after one.
import { randomBytes } from "node:crypto";

export const state = { config: {}, secrets: {}, kv: new Map(), log: [], answer: undefined };

/** One call of a handler with values instead of JSON; it throws {code, message, retry} as the server sees it. */
export function call(handler, input, context = {}) {
  const whole = { run: "run_1", workflow: "test", step: "plugin", attempt: 1, idempotencyKey: "run_1/plugin", nowMs: 1.7e12, ...context };
  return JSON.parse(handler.run(JSON.stringify(input), whole));
}

const missing = (code, message) => ({ code, message, retry: false });

export const server = {
  config: { get: (key) => json(state.config[key]), all: () => JSON.stringify(state.config) },
  secrets: {
    get(name) {
      if (name in state.secrets) return state.secrets[name];
      throw missing("secret_missing", `nobody has set the secret ${name}`);
    },
  },
  logging: { log: (level, message) => state.log.push(`${level}: ${message}`) },
  random: { getRandomBytes: (count) => new Uint8Array(randomBytes(count)) },
  http: {
    send(request) {
      if (state.answer === undefined) throw missing("http_failed", `nobody answers ${request.url}`);
      return state.answer(request);
    },
  },
  kv: {
    get: (key) => state.kv.get(key) ?? null,
    set: (key, value) => void state.kv.set(key, value),
    delete: (key) => state.kv.delete(key),
    increment(key, by) {
      const sum = Number(state.kv.get(key) ?? 0) + Number(by);
      state.kv.set(key, String(sum));
      return sum;
    },
    compareAndSet(key, expected, value) {
      const same = (state.kv.get(key) ?? null) === (expected ?? null);
      if (same) state.kv.set(key, value);
      return same;
    },
    list: (prefix, after, limit) =>
      [...state.kv].filter(([key]) => key.startsWith(prefix) && key > (after ?? "")).sort().slice(0, limit),
  },
};

function json(value) {
  return value === undefined ? null : JSON.stringify(value);
}
