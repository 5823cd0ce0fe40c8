// What scripts of Flowcell see. Written by `flowcell types`; do not edit.
// There is no browser and no Node.js around: what is not declared here or in ECMAScript's own library does not exist.

declare namespace Flowcell {
  /** What is known of one workflow; its `types.d.ts` fills it in. */
  interface Workflow {}

  /** A part of `Workflow`, or something wider where the workflow says nothing. */
  type Of<K extends string, Otherwise> = Workflow extends { [P in K]: infer T } ? T : Otherwise;

  /** A whole number of ms, or `'500ms'`, `'30s'`, `'5m'`, `'1h'`, `'3d'`. */
  type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

  /** What JSON can hold. */
  type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

  /** The output of a step that failed in a workflow that went on. */
  interface Failed {
    error: { code: string; message: string };
  }

  /** A file of a multipart form. */
  interface Upload {
    /** The form's field. */
    field: string;
    /** As the sender gave it: data, never a path. */
    filename: string | null;
    contentType: string | null;
    /** Bytes. */
    size: number;
    /** Of its bytes, in hex. */
    sha256: string;
    /** Where its bytes begin in the raw body. */
    offset: number;
    /** Its bytes in base64; null over 1 MiB: then they are in `rawBodyBase64`, from `offset` on. */
    content: string | null;
  }

  /** What started the run. A replay or a retry keeps that of the first run. */
  interface Trigger {
    /** The name of the workflow's trigger; null when none of them did. */
    readonly name: Of<'trigger', string> | null;
    /** Null when an older version of Flowcell stored the event of a repeated run. */
    readonly type: 'webhook' | 'schedule' | 'workflow' | 'manual' | 'subflow' | 'failure' | null;
  }

  /** The request that started the run. */
  interface Context {
    /** The decoded body; null without one. */
    data: Of<'data', any>;
    /** By name in lower case; a repeated header is joined with `, `. */
    headers: Record<string, string>;
    /** A repeated name is an array. */
    query: Record<string, string | string[]>;
    /** What the `:names` of the workflow's path stand for. */
    params: Record<string, string>;
    /** The files of a multipart form. */
    files: Upload[];
    method: string;
    /** Without the query. */
    path: string;
    /** The peer's address. */
    ip: string;
    /** The body as text. */
    readonly rawBody: string;
    /** The query as it came, without its `?`. */
    readonly rawQuery: string;
    /** The URL that the sender called. */
    readonly url: string;
    /** Which trigger started the run. */
    readonly trigger: Trigger;
    /** The body's bytes in base64. */
    readonly rawBodyBase64: string;
  }

  /** What reads values. */
  interface KvReader {
    /** The value, or null. */
    get<T = any>(key: string): Promise<T | null>;
    list<T = any>(options?: {
      prefix?: string;
      limit?: number;
      after?: string;
    }): Promise<{ entries: { key: string; value: T }[]; next: string | null }>;
  }

  interface Kv extends KvReader {
    set(key: string, value: unknown, options?: { ttl?: Duration }): Promise<void>;
    /** Whether there was one. */
    delete(key: string): Promise<boolean>;
    /** Adds, exactly also when several runs do; gives the new number. */
    incr(key: string, by?: number, options?: { ttl?: Duration }): Promise<number>;
    /** Sets `value` if the present one is `expected` (null: if there is none). Whether it did. */
    cas(key: string, expected: unknown, value: unknown, options?: { ttl?: Duration }): Promise<boolean>;
    /** The values of another workflow, whose `kv.readers` must name this one. */
    of(workflow: string): KvReader;
  }

  interface CurrentStep {
    readonly id: string;
    /** From 1. */
    readonly attempt: number;
    /** Runs `fn` once for the run: its result is kept, and given again when the step is repeated. */
    run<T>(name: string, fn: () => T | Promise<T>): Promise<T>;
  }

  interface CurrentRun {
    readonly id: string;
    readonly workflow: string;
  }

  interface Answer {
    status?: number;
    headers?: HeadersInit;
    /** A JSON body. */
    json?: unknown;
    /** A body as it is. */
    body?: string | Uint8Array | ArrayBuffer | null;
  }

  type Steps = Of<'steps', Record<string, any>>;
  type Env = Of<'env', Record<string, string | undefined>>;
  /** What a loop hands to the steps inside it. */
  interface LoopScope {
    item: any;
    /** From 0. */
    index: number;
  }
  type Scopes = Of<'scopes', Record<string, LoopScope | undefined>>;
  type Secrets = Readonly<Of<'secrets', Record<string, string>>>;

  /** The second argument of a module's default function. */
  interface Tools {
    steps: Steps;
    env: Env;
    scopes: Scopes;
    secrets: Secrets;
    kv: Kv;
    fetch: typeof fetch;
    sleep: typeof sleep;
    respond: typeof respond;
    step: CurrentStep;
    run: CurrentRun;
    console: Console;
  }

  /** The type of a module's default export: `export default (async (context, tools) => { … }) satisfies Flowcell.Main;` */
  type Main = (context: Context, tools: Tools) => unknown;
}

/** The request that started the run. */
declare const context: Flowcell.Context;
/** Outputs of the steps that ran before. */
declare const steps: Flowcell.Steps;
/** The variables that the workflow names and that are set. */
declare const env: Flowcell.Env;
/** The loops around the step, by their ids. */
declare const scopes: Flowcell.Scopes;
/** The secrets that the workflow lists; reading another throws. */
declare const secrets: Flowcell.Secrets;
/** Values that outlive the run, one store a workflow. */
declare const kv: Flowcell.Kv;
/** The step that this script is. */
declare const step: Flowcell.CurrentStep;
/** The run that this is a step of. */
declare const run: Flowcell.CurrentRun;
/** Waits; nothing is held in memory meanwhile, and a restart does not matter. */
declare function sleep(duration: Flowcell.Duration | Date): Promise<void>;
/** Answers the caller; the script goes on. Once a run. */
declare function respond(answer: Flowcell.Answer): Promise<void>;
declare function respond(json: unknown): Promise<void>;

interface Console {
  assert(condition?: unknown, ...data: unknown[]): void;
  count(label?: string): void;
  countReset(label?: string): void;
  debug(...data: unknown[]): void;
  dir(item?: unknown, options?: unknown): void;
  error(...data: unknown[]): void;
  group(...data: unknown[]): void;
  groupCollapsed(...data: unknown[]): void;
  groupEnd(): void;
  info(...data: unknown[]): void;
  log(...data: unknown[]): void;
  table(data?: unknown, columns?: string[]): void;
  time(label?: string): void;
  timeEnd(label?: string): void;
  timeLog(label?: string, ...data: unknown[]): void;
  trace(...data: unknown[]): void;
  warn(...data: unknown[]): void;
}
declare const console: Console;

type HeadersInit = Headers | Record<string, string> | Iterable<readonly [string, string]>;
type BodyInit = string | URLSearchParams | FormData | Blob | ArrayBuffer | ArrayBufferView;

declare class Headers {
  constructor(init?: HeadersInit);
  append(name: string, value: string): void;
  delete(name: string): void;
  get(name: string): string | null;
  getSetCookie(): string[];
  has(name: string): boolean;
  set(name: string, value: string): void;
  forEach(callback: (value: string, name: string, headers: Headers) => void): void;
  entries(): IterableIterator<[string, string]>;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string>;
  [Symbol.iterator](): IterableIterator<[string, string]>;
}

interface RequestInit {
  method?: string;
  headers?: HeadersInit;
  body?: BodyInit | null;
  redirect?: 'follow' | 'manual' | 'error';
  signal?: AbortSignal | null;
}

interface Body {
  readonly bodyUsed: boolean;
  arrayBuffer(): Promise<ArrayBuffer>;
  blob(): Promise<Blob>;
  bytes(): Promise<Uint8Array>;
  json(): Promise<any>;
  text(): Promise<string>;
}

interface Request extends Body {}
declare class Request {
  constructor(input: string | URL | Request, init?: RequestInit);
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly redirect: 'follow' | 'manual' | 'error';
  readonly signal: AbortSignal;
  clone(): Request;
}

interface Response extends Body {}
declare class Response {
  constructor(body?: BodyInit | null, init?: { status?: number; statusText?: string; headers?: HeadersInit });
  static error(): Response;
  static json(data: unknown, init?: { status?: number; statusText?: string; headers?: HeadersInit }): Response;
  static redirect(url: string | URL, status?: number): Response;
  readonly ok: boolean;
  readonly status: number;
  readonly statusText: string;
  readonly url: string;
  readonly redirected: boolean;
  readonly headers: Headers;
  clone(): Response;
}

/** One request to another service, within the limits of the server's network rules. */
declare function fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;

declare class Blob {
  constructor(parts?: (string | Blob | ArrayBuffer | ArrayBufferView)[], options?: { type?: string });
  readonly size: number;
  readonly type: string;
  arrayBuffer(): Promise<ArrayBuffer>;
  bytes(): Promise<Uint8Array>;
  slice(start?: number, end?: number, type?: string): Blob;
  text(): Promise<string>;
}

declare class File extends Blob {
  constructor(parts: (string | Blob | ArrayBuffer | ArrayBufferView)[], name: string, options?: { type?: string });
  readonly name: string;
}

declare class FormData {
  append(name: string, value: string | Blob, filename?: string): void;
  delete(name: string): void;
  get(name: string): string | File | null;
  getAll(name: string): (string | File)[];
  has(name: string): boolean;
  set(name: string, value: string | Blob, filename?: string): void;
  entries(): IterableIterator<[string, string | File]>;
  [Symbol.iterator](): IterableIterator<[string, string | File]>;
}

declare class DOMException extends Error {
  constructor(message?: string, name?: string);
  readonly code: number;
}

interface AbortSignal {
  readonly aborted: boolean;
  readonly reason: any;
  onabort: (() => void) | null;
  throwIfAborted(): void;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}
declare const AbortSignal: {
  abort(reason?: any): AbortSignal;
  any(signals: AbortSignal[]): AbortSignal;
  timeout(ms: number): AbortSignal;
};

declare class AbortController {
  readonly signal: AbortSignal;
  abort(reason?: any): void;
}

declare class URLSearchParams {
  constructor(init?: string | Record<string, string> | Iterable<readonly [string, string]>);
  readonly size: number;
  append(name: string, value: string): void;
  delete(name: string, value?: string): void;
  get(name: string): string | null;
  getAll(name: string): string[];
  has(name: string, value?: string): boolean;
  set(name: string, value: string): void;
  sort(): void;
  toString(): string;
  forEach(callback: (value: string, name: string, params: URLSearchParams) => void): void;
  entries(): IterableIterator<[string, string]>;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string>;
  [Symbol.iterator](): IterableIterator<[string, string]>;
}

declare class URL {
  constructor(url: string | URL, base?: string | URL);
  static canParse(url: string | URL, base?: string | URL): boolean;
  hash: string;
  host: string;
  hostname: string;
  href: string;
  readonly origin: string;
  password: string;
  pathname: string;
  port: string;
  protocol: string;
  search: string;
  readonly searchParams: URLSearchParams;
  username: string;
  toJSON(): string;
  toString(): string;
}

declare class TextEncoder {
  readonly encoding: 'utf-8';
  encode(text?: string): Uint8Array;
}

declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  readonly encoding: string;
  decode(bytes?: ArrayBuffer | ArrayBufferView): string;
}

type BufferEncoding = 'utf8' | 'utf-8' | 'hex' | 'base64' | 'base64url' | 'ascii' | 'latin1' | 'binary' | 'utf16le';

interface Buffer extends Uint8Array {
  equals(other: Uint8Array): boolean;
  toString(encoding?: BufferEncoding, start?: number, end?: number): string;
  write(text: string, offset?: number, length?: number, encoding?: BufferEncoding): number;
}
declare const Buffer: {
  alloc(size: number, fill?: string | number): Buffer;
  byteLength(text: string | ArrayBuffer | ArrayBufferView, encoding?: BufferEncoding): number;
  compare(a: Uint8Array, b: Uint8Array): -1 | 0 | 1;
  concat(parts: readonly Uint8Array[], length?: number): Buffer;
  from(text: string, encoding?: BufferEncoding): Buffer;
  from(bytes: ArrayBuffer | ArrayLike<number> | Iterable<number>): Buffer;
  isBuffer(value: unknown): value is Buffer;
};

interface Crypto {
  getRandomValues<T extends ArrayBufferView>(array: T): T;
  randomUUID(): string;
  readonly subtle: any;
}
declare const crypto: Crypto;

declare function atob(text: string): string;
declare function btoa(text: string): string;
declare function queueMicrotask(callback: () => void): void;
declare function structuredClone<T>(value: T): T;
declare function setTimeout<A extends unknown[]>(callback: (...args: A) => void, ms?: number, ...args: A): number;
declare function setInterval<A extends unknown[]>(callback: (...args: A) => void, ms?: number, ...args: A): number;
declare function clearTimeout(id: number | undefined): void;
declare function clearInterval(id: number | undefined): void;
declare const performance: { now(): number };

interface Hash {
  update(data: string | Uint8Array, encoding?: BufferEncoding): this;
  digest(): Buffer;
  digest(encoding: BufferEncoding): string;
}

/** What `require` and `import` know without a library, also as `node:crypto` and so on. */
declare module 'crypto' {
  export function createHash(algorithm: string, options?: { outputLength?: number }): Hash;
  export function createHmac(algorithm: string, key: string | Uint8Array | KeyObject): Hash;
  export function timingSafeEqual(a: Uint8Array, b: Uint8Array): boolean;
  export function randomBytes(size: number): Buffer;
  export function randomInt(max: number): number;
  export function randomInt(min: number, max: number): number;
  export function randomUUID(): string;
  export function pbkdf2Sync(password: string | Uint8Array, salt: string | Uint8Array, iterations: number, length: number, digest: string): Buffer;
  export function scryptSync(password: string | Uint8Array, salt: string | Uint8Array, length: number, options?: Record<string, number>): Buffer;
  export function hkdfSync(digest: string, key: string | Uint8Array, salt: string | Uint8Array, info: string | Uint8Array, length: number): ArrayBuffer;
  type Bytes = string | Uint8Array | ArrayBuffer;
  export interface KeyOptions {
    key: Bytes | KeyObject | Record<string, unknown>;
    format?: 'pem' | 'der' | 'jwk';
    type?: 'pkcs1' | 'pkcs8' | 'sec1' | 'spki';
    passphrase?: Bytes;
    padding?: number;
    saltLength?: number;
    dsaEncoding?: 'der' | 'ieee-p1363';
    oaepHash?: string;
    oaepLabel?: Bytes;
    /** SM2: who signs, mostly `1234567812345678`. Node does not have it. */
    distid?: string;
  }
  type KeyInput = Bytes | KeyObject | KeyOptions;
  export interface ExportOptions {
    format?: 'pem' | 'der' | 'jwk' | 'buffer';
    type?: 'pkcs1' | 'pkcs8' | 'sec1' | 'spki';
    cipher?: string;
    passphrase?: Bytes;
  }
  export class KeyObject {
    private constructor();
    readonly type: 'secret' | 'public' | 'private';
    readonly symmetricKeySize: number | undefined;
    readonly asymmetricKeyType: 'rsa' | 'ec' | 'ed25519' | 'x25519' | undefined;
    readonly asymmetricKeyDetails: { modulusLength?: number; publicExponent?: bigint; namedCurve?: string } | undefined;
    equals(other: KeyObject): boolean;
    export(options?: ExportOptions): any;
  }
  export interface Cipher {
    update(data: string | Uint8Array, inputEncoding?: BufferEncoding): Buffer;
    update(data: string | Uint8Array, inputEncoding: BufferEncoding | undefined, outputEncoding: BufferEncoding): string;
    final(): Buffer;
    final(encoding: BufferEncoding): string;
    setAutoPadding(on?: boolean): this;
    setAAD(data: Uint8Array): this;
    setAuthTag(tag: Uint8Array): this;
    getAuthTag(): Buffer;
  }
  export function createCipheriv(algorithm: string, key: string | Uint8Array | KeyObject, iv: string | Uint8Array | null, options?: { authTagLength?: number }): Cipher;
  export function createDecipheriv(algorithm: string, key: string | Uint8Array | KeyObject, iv: string | Uint8Array | null, options?: { authTagLength?: number }): Cipher;
  export function createSecretKey(key: Bytes, encoding?: BufferEncoding): KeyObject;
  export function createPrivateKey(key: Bytes | KeyOptions): KeyObject;
  export function createPublicKey(key: KeyInput): KeyObject;
  export function generateKeyPairSync(type: 'rsa' | 'ec' | 'ed25519' | 'x25519', options?: {
    modulusLength?: number;
    publicExponent?: number;
    namedCurve?: string;
    publicKeyEncoding?: ExportOptions;
    privateKeyEncoding?: ExportOptions;
  }): { publicKey: any; privateKey: any };
  export function sign(algorithm: string | null | undefined, data: Uint8Array, key: KeyInput): Buffer;
  export function verify(algorithm: string | null | undefined, data: Uint8Array, key: KeyInput, signature: Uint8Array): boolean;
  export interface Sign {
    update(data: string | Uint8Array, encoding?: BufferEncoding): this;
    sign(key: KeyInput): Buffer;
    sign(key: KeyInput, encoding: BufferEncoding): string;
  }
  export interface Verify {
    update(data: string | Uint8Array, encoding?: BufferEncoding): this;
    verify(key: KeyInput, signature: string | Uint8Array, encoding?: BufferEncoding): boolean;
  }
  export function createSign(algorithm: string): Sign;
  export function createVerify(algorithm: string): Verify;
  export function publicEncrypt(key: KeyInput, data: Uint8Array): Buffer;
  export function privateDecrypt(key: KeyInput, data: Uint8Array): Buffer;
  export function privateEncrypt(key: KeyInput, data: Uint8Array): Buffer;
  export function publicDecrypt(key: KeyInput, data: Uint8Array): Buffer;
  type PointFormat = 'compressed' | 'uncompressed' | 'hybrid';
  export class ECDH {
    private constructor();
    static convertKey(key: string | Uint8Array, curve: string, inputEncoding?: BufferEncoding, outputEncoding?: BufferEncoding, format?: PointFormat): any;
    generateKeys(encoding?: BufferEncoding, format?: PointFormat): any;
    computeSecret(otherPublicKey: string | Uint8Array, inputEncoding?: BufferEncoding | null, outputEncoding?: BufferEncoding): any;
    getPrivateKey(encoding?: BufferEncoding): any;
    getPublicKey(encoding?: BufferEncoding | null, format?: PointFormat): any;
    setPrivateKey(key: string | Uint8Array, encoding?: BufferEncoding): this;
  }
  export function createECDH(curve: string): ECDH;
  export function diffieHellman(keys: { privateKey: KeyObject; publicKey: KeyObject }): Buffer;
  export class X509Certificate {
    constructor(certificate: string | Uint8Array);
    readonly subject: string | undefined;
    readonly subjectAltName: string | undefined;
    readonly issuer: string | undefined;
    readonly infoAccess: string | undefined;
    readonly validFrom: string;
    readonly validTo: string;
    readonly validFromDate: Date;
    readonly validToDate: Date;
    readonly serialNumber: string;
    readonly fingerprint: string;
    readonly fingerprint256: string;
    readonly fingerprint512: string;
    readonly keyUsage: string[] | undefined;
    readonly ca: boolean;
    readonly publicKey: KeyObject;
    readonly raw: Buffer;
    checkHost(name: string, options?: Record<string, unknown>): string | undefined;
    checkEmail(email: string, options?: Record<string, unknown>): string | undefined;
    checkIP(ip: string): string | undefined;
    checkIssued(issuer: X509Certificate): boolean;
    checkPrivateKey(key: KeyObject): boolean;
    verify(publicKey: KeyObject): boolean;
    toString(): string;
    toJSON(): string;
  }
  export function getHashes(): string[];
  export function getCiphers(): string[];
  export function getCurves(): string[];
  export const constants: Record<string, number>;
  export const webcrypto: Crypto;
  export const subtle: any;
  const all: typeof import('crypto');
  export default all;
}
declare module 'node:crypto' {
  export * from 'crypto';
  export { default } from 'crypto';
}

declare module 'buffer' {
  const buffer: typeof Buffer;
  export { buffer as Buffer };
  const all: { Buffer: typeof buffer };
  export default all;
}
declare module 'node:buffer' {
  export * from 'buffer';
  export { default } from 'buffer';
}

declare module 'querystring' {
  export function parse(text: string, separator?: string, equals?: string): Record<string, string | string[]>;
  export function stringify(object: Record<string, unknown>, separator?: string, equals?: string): string;
  export function escape(text: string): string;
  export function unescape(text: string): string;
  const all: typeof import('querystring');
  export default all;
}
declare module 'node:querystring' {
  export * from 'querystring';
  export { default } from 'querystring';
}

declare module 'url' {
  export const URL: any;
  export const URLSearchParams: any;
  export function parse(url: string, query?: boolean): any;
  export function format(url: unknown): string;
  export function resolve(from: string, to: string): string;
  const all: typeof import('url');
  export default all;
}
declare module 'node:url' {
  export * from 'url';
  export { default } from 'url';
}

declare module 'util' {
  export function format(...data: unknown[]): string;
  export function inspect(value: unknown, options?: unknown): string;
  export function promisify(fn: (...args: any[]) => any): (...args: any[]) => Promise<any>;
  export function callbackify(fn: (...args: any[]) => Promise<any>): (...args: any[]) => void;
  export function inherits(constructor: unknown, parent: unknown): void;
  export function isDeepStrictEqual(a: unknown, b: unknown): boolean;
  export const types: any;
  const all: typeof import('util');
  export default all;
}
declare module 'node:util' {
  export * from 'util';
  export { default } from 'util';
}

declare module 'events' {
  export class EventEmitter {
    on(name: string | symbol, listener: (...args: any[]) => void): this;
    once(name: string | symbol, listener: (...args: any[]) => void): this;
    off(name: string | symbol, listener: (...args: any[]) => void): this;
    emit(name: string | symbol, ...args: any[]): boolean;
    listenerCount(name: string | symbol): number;
    removeAllListeners(name?: string | symbol): this;
  }
  export default EventEmitter;
}
declare module 'node:events' {
  export * from 'events';
  export { default } from 'events';
}

declare module 'timers/promises' {
  export function setTimeout<T = void>(ms?: number, value?: T): Promise<T>;
  const all: typeof import('timers/promises');
  export default all;
}
declare module 'node:timers/promises' {
  export * from 'timers/promises';
  export { default } from 'timers/promises';
}

declare module 'path' {
  export function join(...paths: string[]): string;
  export function resolve(...paths: string[]): string;
  export function normalize(path: string): string;
  export function dirname(path: string): string;
  export function basename(path: string, suffix?: string): string;
  export function extname(path: string): string;
  export function relative(from: string, to: string): string;
  export function isAbsolute(path: string): boolean;
  export function parse(path: string): { root: string; dir: string; base: string; ext: string; name: string };
  export function format(path: { root?: string; dir?: string; base?: string; ext?: string; name?: string }): string;
  export const sep: '/';
  export const delimiter: ':';
  const all: typeof import('path');
  export default all;
}
declare module 'node:path' {
  export * from 'path';
  export { default } from 'path';
}

// As in Node.js, whose types (`npm install --save-dev @types/node`) say more.
declare module 'assert';
declare module 'node:assert';
declare module 'assert/strict';
declare module 'node:assert/strict';
declare module 'os';
declare module 'node:os';
declare module 'process';
declare module 'node:process';
declare module 'stream';
declare module 'node:stream';
declare module 'stream/promises';
declare module 'node:stream/promises';
declare module 'stream/consumers';
declare module 'node:stream/consumers';
declare module 'string_decoder';
declare module 'node:string_decoder';
declare module 'zlib';
declare module 'node:zlib';

/** What packages made for Node.js ask for; `env` is the workflow's. */
declare const process: {
  readonly env: Record<string, string | undefined>;
  readonly argv: string[];
  readonly platform: string;
  readonly version: string;
  nextTick(work: (...args: any[]) => void, ...args: any[]): void;
  hrtime: { (before?: [number, number]): [number, number]; bigint(): bigint };
  uptime(): number;
  cwd(): string;
};

/** A module of the engine, or the default export of a library. */
declare function require(name: 'crypto' | 'node:crypto'): typeof import('crypto');
declare function require(name: 'buffer' | 'node:buffer'): typeof import('buffer');
declare function require(name: 'querystring' | 'node:querystring'): typeof import('querystring');
declare function require(name: 'util' | 'node:util'): typeof import('util');
declare function require(name: 'url' | 'node:url'): typeof import('url');
declare function require(name: 'events' | 'node:events'): typeof import('events').EventEmitter & typeof import('events');
declare function require(name: string): any;
