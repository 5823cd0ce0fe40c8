import { type QueryClient, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { call, Problem } from './client';
import { useFreshness } from './live';
import type {
  Health, Hour, Json, Plugin, PluginDetail, Question, Ready, RequestDetail, RequestLine, Run, RunLine, Secret, Workflow,
} from './types';
import { at } from '../lib/place';

export interface RunFilter {
  workflow?: string;
  status?: string;
}
export interface RequestFilter {
  workflow?: string;
  refused?: string;
}

const PAGE = 50;

/** Asked anew when nothing tells of changes. */
const SLOW = 10_000;

/** What a server without this resource gives: nothing, which is no error. */
async function ifThere<T>(path: string, signal: AbortSignal): Promise<T | null> {
  try {
    return await call<T>(path, { signal });
  } catch (error) {
    if (error instanceof Problem && (error.isMissing || error.status === 405)) return null;
    throw error;
  }
}

export function useWorkflows() {
  const fresh = useFreshness();
  return useQuery({
    queryKey: ['workflows'],
    queryFn: async ({ signal }) => (await call<{ workflows: Workflow[] }>('workflows', { signal })).workflows,
    refetchInterval: fresh.every(SLOW),
  });
}

export function useRuns(filter: RunFilter, limit = PAGE) {
  const fresh = useFreshness();
  return useInfiniteQuery({
    queryKey: ['runs', filter, limit],
    queryFn: ({ signal, pageParam }) =>
      call<{ runs: RunLine[]; next: string | null }>('runs', { signal, query: { ...filter, before: pageParam, limit } }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    // Only what begins at the top is asked anew: pages below it do not change their order.
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 0) > 3 ? false : fresh.every(3000)),
  });
}

export function useRun(id: string) {
  const fresh = useFreshness();
  return useQuery({
    queryKey: ['run', id],
    queryFn: ({ signal }) => call<Run>(`runs/${encodeURIComponent(id)}`, { signal }),
    refetchInterval: (query) => (query.state.data?.finished ? false : fresh.every(2000)),
  });
}

export function useRequests(filter: RequestFilter, limit = PAGE) {
  const fresh = useFreshness();
  return useInfiniteQuery({
    queryKey: ['requests', filter, limit],
    queryFn: ({ signal, pageParam }) =>
      call<{ requests: RequestLine[]; next: string | null }>('requests', { signal, query: { ...filter, before: pageParam, limit } }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 0) > 3 ? false : fresh.every(3000)),
  });
}

export function useRequest(id: string) {
  return useQuery({
    queryKey: ['request', id],
    queryFn: ({ signal }) => call<RequestDetail>(`requests/${encodeURIComponent(id)}`, { signal }),
    staleTime: Infinity,
  });
}

export function useLetters() {
  const fresh = useFreshness();
  return useInfiniteQuery({
    queryKey: ['letters'],
    queryFn: ({ signal, pageParam }) =>
      call<{ dead_letters: RunLine[]; next: string | null }>('dead-letters', { signal, query: { before: pageParam, limit: 200 } }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    refetchInterval: fresh.every(SLOW),
  });
}

export function useQuestions() {
  const fresh = useFreshness();
  return useQuery({
    queryKey: ['questions'],
    queryFn: async ({ signal }) => call<{ questions: Question[]; next: string | null }>('questions', { signal, query: { limit: 100 } }),
    refetchInterval: fresh.every(SLOW),
  });
}

export function usePlugins() {
  return useQuery({
    queryKey: ['plugins'],
    queryFn: async ({ signal }) => (await call<{ plugins: Plugin[] }>('plugins', { signal })).plugins,
  });
}

export function usePlugin(name: string) {
  return useQuery({
    queryKey: ['plugin', name],
    queryFn: ({ signal }) => call<PluginDetail>(`plugins/${encodeURIComponent(name)}`, { signal }),
  });
}

export function useSecrets() {
  return useQuery({
    queryKey: ['secrets'],
    queryFn: ({ signal }) => call<{ secrets: Secret[]; key_id: string | null }>('secrets', { signal }),
  });
}

/** `/readyz` answers 503 while it is not ready; that is an answer too. */
export function useReady() {
  return useQuery({
    queryKey: ['ready'],
    queryFn: async ({ signal }) => (await (await fetch(at('readyz'), { signal, cache: 'no-store' })).json()) as Ready,
    refetchInterval: SLOW,
  });
}

export function useHealth() {
  return useQuery({ queryKey: ['health'], queryFn: ({ signal }) => ifThere<Health>('health', signal), refetchInterval: SLOW });
}

export function useStats(workflow?: string) {
  const path = workflow ? `stats?workflow=${encodeURIComponent(workflow)}` : 'stats';
  return useQuery({
    queryKey: ['stats', workflow ?? ''],
    queryFn: ({ signal }) => ifThere<{ hours: Hour[] }>(path, signal),
    refetchInterval: 60_000,
  });
}

/** A resource of newer servers, as the page that shows it reads it; `null` when this server has none. */
export function useNewer<T extends Json | object>(path: string) {
  return useQuery({ queryKey: ['newer', path], queryFn: ({ signal }) => ifThere<T>(path, signal) });
}

/** What changed on the server is asked anew. */
export function touch(client: QueryClient, ...names: string[]): void {
  for (const name of names) void client.invalidateQueries({ queryKey: [name] });
}
