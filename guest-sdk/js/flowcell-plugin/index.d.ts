/** Plugins for Flowcell in JavaScript and TypeScript. */

export interface Context {
  /** The id of the run. */
  run: string;
  /** The key of its workflow. */
  workflow: string;
  /** The id of the step, with the iterations around it. */
  step: string;
  /** From 1. */
  attempt: number;
  /** The same for every attempt of the step: pass it on to services that know an `Idempotency-Key`. */
  idempotencyKey: string;
  /** When the attempt began, milliseconds since 1970. */
  nowMs: number;
}

export type Capability = `http:${string}` | `kv:${string}` | `secret:${string}`;

export interface Plugin<Input, Output> {
  /** Lower-case letters, digits and `-`, at most 64; by this name workflows use it. */
  name: string;
  /** By SemVer, as in `1.2.3`. What a version does never changes. */
  version: string;
  /** One line for people. */
  title?: string;
  /** A JSON Schema that inputs are checked against before `run`. */
  input?: object | boolean;
  /** A JSON Schema that outputs are checked against after it. */
  output?: object | boolean;
  /** What it needs; the person who installs it grants it. */
  capabilities?: Capability[];
  /** Inputs to try; with an output if that is always the same. */
  examples?: { title: string; input: Input; output?: Output }[];
  /** Does it. Called once in each instance: nothing in memory outlives it. It cannot be async. */
  run(input: Input, context: Context): Output;
}

/** The world's export `handler`: `export const handler = definePlugin({...})`. */
export function definePlugin<Input = any, Output = any>(plugin: Plugin<Input, Output>): Handler;

export interface Handler {
  describe(): object;
  run(json: string, context: Context): string;
}

/** Why something was not done, with a stable code for programs. Any other error has the code `failed`. */
export class PluginError extends Error {
  constructor(code: string, message: string, options?: { retry?: boolean });
  code: string;
  /** Whether another attempt may succeed. */
  retry: boolean;
}

/** Lines in the log of the step; `console` writes there too. */
export const log: Record<"debug" | "info" | "warn" | "error", (...parts: unknown[]) => void>;

/** The `config` of the step: what the author of the workflow has set for this use of the plugin. */
export const config: {
  get<T = any>(key: string): T | undefined;
  all<T = any>(): T;
};

/** Secrets by name. Each needs the capability `secret:NAME`. */
export const secrets: { get(name: string): string };

/**
 * Values that the workflow keeps between runs. Keys need the capability `kv:PREFIX`. What is written becomes durable with the
 * step's success; a failed attempt leaves nothing.
 */
export const kv: {
  get<T = any>(key: string): T | undefined;
  set(key: string, value: unknown, options?: { ttlMs?: number }): void;
  /** Whether there was a value. */
  delete(key: string): boolean;
  /** Adds to an integer, 0 if there is none, and gives the sum. */
  increment(key: string, by?: number): number;
  /** Sets if the value is `expected`, or if there is none when that is undefined; whether it was. */
  compareAndSet(key: string, expected: unknown, value: unknown, options?: { ttlMs?: number }): boolean;
  /** Keys that begin with `prefix` and come after `after`, with their values, in order of their bytes; at most `limit`, up to 1000. */
  list<T = any>(prefix: string, options?: { after?: string; limit?: number }): [string, T][];
};

export interface Request {
  method?: string;
  url: string;
  headers?: Record<string, string | number>;
  /** Sent as JSON with its Content-Type. */
  json?: unknown;
  body?: string | Uint8Array;
}

export interface Response {
  status: number;
  /** Whether the status is 2xx. */
  ok: boolean;
  /** Of the last redirect. */
  url: string;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: Uint8Array;
  text(): string;
  json<T = any>(): T;
}

/** Requests to other services. Each host needs the capability `http:HOST`. Up to 10 redirects are followed. */
export const http: {
  send(request: Request): Response;
  get(url: string, options?: Omit<Request, "method" | "url">): Response;
  post(url: string, json?: unknown, options?: Omit<Request, "method" | "url" | "json">): Response;
};

/** The run's own random bytes, as Math.random is too: a replay sees the same. */
export function randomBytes(count: number): Uint8Array;

export function toUtf8(text: string): Uint8Array;
export function fromUtf8(bytes: Uint8Array): string;
