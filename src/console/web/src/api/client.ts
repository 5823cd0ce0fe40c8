import { at } from '../lib/place';
import { keepInTab, ofThisTab } from '../lib/store';

/** What the server refused, as RFC 9457 says it; or that it did not answer. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly runId: string | null;
  readonly params: Record<string, unknown>;

  constructor(status: number, code: string, detail: string, runId: string | null = null, params: Record<string, unknown> = {}) {
    super(detail);
    this.status = status;
    this.code = code;
    this.runId = runId;
    this.params = params;
  }

  /** Whether the server does not know this resource at all: it is of an older version. */
  get isMissing(): boolean {
    return this.status === 404 && this.code === 'not_found';
  }
}

/** The machine's token, if this tab logged in by one. Closing the tab forgets it. */
let token = ofThisTab('token');
const listeners = new Set<() => void>();

export const hasToken = (): boolean => token !== null;

export function setToken(value: string | null): void {
  token = value;
  keepInTab('token', value);
}

/** Calls back when the server no longer knows who asks. */
export function onLoggedOut(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export interface Ask {
  method?: string;
  /** Becomes JSON; a Blob goes as it is. */
  body?: unknown;
  query?: Record<string, string | number | boolean | null | undefined>;
  signal?: AbortSignal | undefined;
  headers?: Record<string, string>;
  /** A 401 is the answer, not the end of the session. */
  quiet?: boolean;
}

/** A request with whoever is logged in. The answer may be a refusal. */
export async function send(path: string, ask: Ask = {}): Promise<Response> {
  const url = new URL(at(path));
  for (const [name, value] of Object.entries(ask.query ?? {})) {
    if (value !== undefined && value !== null && value !== '') url.searchParams.set(name, String(value));
  }
  const headers = new Headers(ask.headers);
  if (token !== null) headers.set('authorization', `Bearer ${token}`);
  let body: BodyInit | null = null;
  if (ask.body instanceof Blob) {
    body = ask.body;
    headers.set('content-type', 'application/octet-stream');
  } else if (ask.body !== undefined) {
    body = JSON.stringify(ask.body);
    headers.set('content-type', 'application/json');
  }
  try {
    return await fetch(url, {
      method: ask.method ?? 'GET',
      headers,
      body,
      cache: 'no-store',
      credentials: token === null ? 'same-origin' : 'omit',
      redirect: 'error',
      signal: ask.signal ?? null,
    });
  } catch (error) {
    if (ask.signal?.aborted) throw error;
    throw new Problem(0, 'offline', error instanceof Error ? error.message : String(error));
  }
}

/** The problem that a refusal tells. */
export async function problemOf(response: Response): Promise<Problem> {
  const text = await response.text().catch(() => '');
  try {
    const told = JSON.parse(text) as { code?: string; detail?: string; run_id?: string; params?: Record<string, unknown> };
    return new Problem(response.status, told.code ?? 'unknown', told.detail ?? '', told.run_id ?? null, told.params ?? {});
  } catch {
    return new Problem(response.status, 'unknown', text.slice(0, 300) || response.statusText);
  }
}

/** Asks below `/api/v1` and reads the JSON of the answer; `undefined` for an empty one. Throws a `Problem`. */
export async function call<T>(path: string, ask: Ask = {}): Promise<T> {
  const response = await send(`api/v1/${path}`, ask);
  if (!response.ok) {
    const problem = await problemOf(response);
    if (problem.status === 401 && !ask.quiet) for (const listener of listeners) listener();
    throw problem;
  }
  const text = await response.text();
  return (text === '' ? undefined : JSON.parse(text)) as T;
}
