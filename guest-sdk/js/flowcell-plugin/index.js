// Plugins for Flowcell: definePlugin makes the export `handler` of a description and a function, and the rest is what a plugin may
// ask its server for. Everything is synchronous: a plugin has one instance a call, and waits for what it asks.
import * as hostConfig from "flowcell:plugin/config@1.0.0";
import * as hostHttp from "flowcell:plugin/http@1.0.0";
import * as hostKv from "flowcell:plugin/kv@1.0.0";
import * as hostLogging from "flowcell:plugin/logging@1.0.0";
import * as hostSecrets from "flowcell:plugin/secrets@1.0.0";
import * as hostRandom from "wasi:random/random@0.2.0";
import { fromUtf8, toUtf8 } from "./utf8.js";

export { fromUtf8, toUtf8 };

/** Why something was not done, with a stable code for programs. `retry`: another attempt may succeed. */
export class PluginError extends Error {
  constructor(code, message, { retry = false } = {}) {
    super(message);
    this.name = "PluginError";
    this.code = code;
    this.retry = retry;
  }
}

export function definePlugin({ name, version, title = "", input, output, capabilities = [], examples = [], run }) {
  const description = {
    name,
    version,
    title,
    inputSchema: input === undefined ? null : JSON.stringify(input),
    outputSchema: output === undefined ? null : JSON.stringify(output),
    capabilities: capabilities.map(capability),
    examples: examples.map((example) => ({
      title: example.title,
      input: JSON.stringify(example.input),
      output: example.output === undefined ? null : JSON.stringify(example.output),
    })),
  };
  return {
    describe: () => description,
    run(json, context) {
      try {
        ownRandom();
        const result = run(JSON.parse(json), context);
        if (typeof result?.then === "function") {
          throw new PluginError("promise", "`run` gave a promise: make it a plain function, everything it may ask answers at once");
        }
        // undefined is no JSON.
        return JSON.stringify(result) ?? "null";
      } catch (error) {
        throw hostError(error);
      }
    },
  };
}

/** One of "http:HOST", "kv:PREFIX", "secret:NAME", or it throws. */
function capability(text) {
  if (!["http:", "kv:", "secret:"].some((kind) => text.startsWith(kind))) {
    throw new Error(`the capability "${text}" is none of "http:HOST", "kv:PREFIX", "secret:NAME"`);
  }
  return text;
}

function hostError(error) {
  if (error instanceof PluginError) return { code: error.code, message: error.message, retry: error.retry };
  if (error instanceof Error) {
    log.error(`${error.name}: ${error.message}\n${error.stack ?? ""}`.trimEnd());
    return { code: "failed", message: `${error.name}: ${error.message}`, retry: false };
  }
  return { code: "failed", message: String(error), retry: false };
}

/** What `ask` gives, or its error as a PluginError. */
function asked(ask) {
  try {
    return ask();
  } catch (thrown) {
    // Some toolchains throw the record itself, others an Error around it.
    const error = thrown?.payload ?? thrown;
    if (typeof error?.code !== "string") throw thrown;
    throw new PluginError(error.code, error.message, { retry: error.retry });
  }
}

function inspect(value) {
  if (typeof value === "string") return value;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  return JSON.stringify(value) ?? String(value);
}

const line = (level) => (...parts) => hostLogging.log(level, parts.map(inspect).join(" "));

/** Lines in the log of the step. */
export const log = { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
globalThis.console ??= { ...log, log: log.info, trace: log.debug };

/** The `config` of the step. */
export const config = {
  get(key) {
    const value = hostConfig.get(key);
    return value === null || value === undefined ? undefined : JSON.parse(value);
  },
  all: () => JSON.parse(hostConfig.all()),
};

/** Secrets by name. Each needs "secret:NAME". */
export const secrets = { get: (name) => asked(() => hostSecrets.get(name)) };

/** Values that the workflow keeps between runs. Keys need "kv:PREFIX". */
export const kv = {
  get(key) {
    const value = asked(() => hostKv.get(key));
    return value === null || value === undefined ? undefined : JSON.parse(value);
  },
  set(key, value, { ttlMs } = {}) {
    asked(() => hostKv.set(key, text(value), ttlMs ?? null));
  },
  delete: (key) => asked(() => hostKv.delete(key)),
  increment: (key, by = 1) => Number(asked(() => hostKv.increment(key, by))),
  /** `expected` undefined: only if there is none. */
  compareAndSet: (key, expected, value, { ttlMs } = {}) =>
    asked(() => hostKv.compareAndSet(key, expected === undefined ? null : text(expected), text(value), ttlMs ?? null)),
  list: (prefix, { after, limit = 100 } = {}) =>
    asked(() => hostKv.list(prefix, after ?? null, limit)).map(([key, value]) => [key, JSON.parse(value)]),
};

function text(value) {
  const json = JSON.stringify(value);
  if (json === undefined) throw new PluginError("bad_value", "undefined and functions cannot be kept: they are no JSON");
  return json;
}

/** Requests to other services. Each host needs "http:HOST". */
export const http = {
  /** A status of 400 or more is a response, not an error. */
  send({ method = "GET", url, headers = {}, json, body = json === undefined ? "" : JSON.stringify(json) }) {
    const pairs = Object.entries(headers).map(([name, value]) => [name, String(value)]);
    if (json !== undefined && !pairs.some(([name]) => name.toLowerCase() === "content-type")) {
      pairs.push(["content-type", "application/json"]);
    }
    const bytes = typeof body === "string" ? toUtf8(body) : body;
    const response = asked(() => hostHttp.send({ method, url, headers: pairs, body: bytes }));
    const received = response.body instanceof Uint8Array ? response.body : Uint8Array.from(response.body);
    return {
      status: response.status,
      ok: response.status >= 200 && response.status < 300,
      url: response.url,
      headers: Object.fromEntries(response.headers),
      body: received,
      text: () => fromUtf8(received),
      json: () => JSON.parse(fromUtf8(received)),
    };
  },
  get: (url, options = {}) => http.send({ ...options, method: "GET", url }),
  post: (url, json, options = {}) => http.send({ ...options, method: "POST", url, json }),
};

/** The run's own random bytes: a replay sees the same. */
export const randomBytes = (count) => Uint8Array.from(hostRandom.getRandomBytes(count));

// The engine was seeded when the plugin was built, so every instance would draw the same numbers: sfc32, seeded by the run.
function ownRandom() {
  let state;
  Math.random = () => {
    state ??= new Uint32Array(randomBytes(16).buffer);
    const next = (state[0] + state[1] + state[3]) >>> 0;
    state[3] += 1;
    state[0] = state[1] ^ (state[1] >>> 9);
    state[1] = state[2] + (state[2] << 3);
    state[2] = ((state[2] << 21) | (state[2] >>> 11)) + next;
    return next / 0x1_0000_0000;
  };
}
