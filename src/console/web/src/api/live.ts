import { type InfiniteData, type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect, useSyncExternalStore } from 'react';

import { send } from './client';
import { blocks, kept, upsert } from './stream';
import type { RequestLine, RunLine } from './types';

/** How this tab hears of changes: from the server, or by asking again and again. */
export type Live = 'connecting' | 'streaming' | 'polling' | 'offline';

let state: Live = 'connecting';
let paused = false;
const listeners = new Set<() => void>();

function become(next: Live): void {
  if (next === state) return;
  state = next;
  for (const each of listeners) each();
}

/** Whether the reader wants lists to stand still. */
export function pause(value: boolean): void {
  paused = value;
  for (const each of listeners) each();
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

export const useLive = (): Live => useSyncExternalStore(subscribe, () => state);
export const usePaused = (): boolean => useSyncExternalStore(subscribe, () => paused);

/** How often a page has to ask by itself. */
export function useFreshness(): { every: (ms: number) => number | false } {
  const live = useLive();
  const still = usePaused();
  return { every: (ms) => (still ? false : live === 'streaming' ? Math.max(ms, 30_000) : ms) };
}

/** The events of one frame are put in at once, so that 200 a second render five times a second. */
const GATHER = 200;
/** Nobody looks for so long: the connection is given back. */
const HIDDEN = 60_000;
/** Between two tries to connect. */
const AGAIN = [1000, 2000, 5000, 15_000];

type Told = { event: string; data: string };

/** Puts what the server told into what the tab has. */
function take(client: QueryClient, told: readonly Told[]): void {
  const runs = new Map<string, RunLine>();
  const requests = new Map<string, RequestLine>();
  for (const { event, data } of told) {
    if (event === 'reset') {
      void client.invalidateQueries();
    } else if (event === 'workflow') {
      void client.invalidateQueries({ queryKey: ['workflows'] });
    } else if (event === 'run' || event === 'request') {
      try {
        const line = JSON.parse(data) as { id: string };
        if (event === 'run') runs.set(line.id, line as RunLine);
        else requests.set(line.id, line as RequestLine);
      } catch {
        // A line that cannot be read tells nothing.
      }
    }
  }
  if (runs.size > 0) {
    patch(client, 'runs', 'runs', [...runs.values()]);
    for (const run of runs.values()) void client.invalidateQueries({ queryKey: ['run', run.id] });
    for (const name of ['letters', 'questions']) void client.invalidateQueries({ queryKey: [name] }, { cancelRefetch: false });
  }
  if (requests.size > 0) patch(client, 'requests', 'requests', [...requests.values()]);
}

function patch<T extends RunLine | RequestLine>(client: QueryClient, key: string, member: string, lines: T[]): void {
  type Page = { next: string | null } & Record<string, T[] | string | null>;
  for (const [queryKey, data] of client.getQueriesData<InfiniteData<Page>>({ queryKey: [key] })) {
    const first = data?.pages[0];
    if (!data || !first) continue;
    const filter = (queryKey[1] ?? {}) as Record<string, string>;
    const pages = upsert(data.pages.map((page) => page[member] as T[]), lines, filter);
    const top = pages[0] ?? [];
    const stay = kept(top.length);
    if (stay < top.length) {
      const rows = top.slice(0, stay);
      const next = rows.at(-1)?.id ?? null;
      client.setQueryData(queryKey, { pages: [{ ...first, [member]: rows, next }], pageParams: data.pageParams.slice(0, 1) });
      continue;
    }
    client.setQueryData(queryKey, { ...data, pages: data.pages.map((page, at) => ({ ...page, [member]: pages[at] })) });
  }
}

async function listen(client: QueryClient, signal: AbortSignal, last: { id: string }): Promise<'unsupported' | 'ended'> {
  const headers: Record<string, string> = { accept: 'text/event-stream' };
  if (last.id) headers['last-event-id'] = last.id;
  const response = await send('api/v1/events', { query: { topics: 'runs,requests,workflows' }, signal, headers });
  if (!response.ok || !response.body || !response.headers.get('content-type')?.startsWith('text/event-stream')) {
    await response.body?.cancel();
    return response.status >= 500 || response.status === 429 ? 'ended' : 'unsupported';
  }
  become('streaming');
  let waiting: Told[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = () => {
    timer = undefined;
    const told = waiting;
    waiting = [];
    if (!paused) take(client, told);
  };
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const read = blocks();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return 'ended';
    for (const block of read(value)) {
      if (block.id) last.id = block.id;
      if (paused) continue;
      waiting.push(block);
      timer ??= setTimeout(flush, GATHER);
    }
  }
}

/** Hears of changes while somebody is logged in. Falls back to asking when the server or a proxy has no events. */
export function useEvents(loggedIn: boolean): void {
  const client = useQueryClient();
  useEffect(() => {
    if (!loggedIn) return;
    let over = false;
    let control = new AbortController();
    let wake = () => {};
    const last = { id: '' };
    const visible = () => document.visibilityState === 'visible';
    let sleeping: ReturnType<typeof setTimeout> | undefined;
    const changed = () => {
      clearTimeout(sleeping);
      if (visible()) wake();
      else sleeping = setTimeout(() => control.abort(), HIDDEN);
    };
    document.addEventListener('visibilitychange', changed);
    void (async () => {
      for (let failures = 0; !over; ) {
        try {
          const before = Date.now();
          if ((await listen(client, control.signal, last)) === 'unsupported') return become('polling');
          failures = Date.now() - before > 5000 ? 0 : failures + 1;
        } catch {
          failures += 1;
        }
        if (over) return;
        become('polling');
        if (!visible()) await new Promise<void>((resolve) => { wake = resolve; });
        else await new Promise((resolve) => setTimeout(resolve, AGAIN[Math.min(failures, AGAIN.length) - 1] ?? 1000));
        control = new AbortController();
      }
    })();
    return () => {
      over = true;
      clearTimeout(sleeping);
      control.abort();
      wake();
      document.removeEventListener('visibilitychange', changed);
      become('connecting');
    };
  }, [client, loggedIn]);
}
