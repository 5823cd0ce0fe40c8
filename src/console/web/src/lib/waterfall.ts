/** What happened in a run over time: rows of segments on an axis that folds idle stretches. Pure. */
import type { Run, StepAttempt } from '../api/types';

export type Phase = 'queued' | 'executing' | 'waiting';

export interface Segment {
  phase: Phase;
  from: number;
  to: number;
}

export interface Bar {
  /** `step` or `step.0.2` in iterations; the key of the row. */
  key: string;
  step: string;
  at: number[];
  attempt: number;
  status: 'succeeded' | 'failed' | 'waiting' | 'queued';
  segments: Segment[];
  /** When calls of the script ended. */
  ticks: number[];
  from: number;
  to: number;
  index: number | null;
}

/** A step and its iterations as they are written: `each.3.0`. */
export function stepKey(step: string, at: readonly number[]): string {
  return [step, ...at].join('.');
}

/** What is idle for longer is folded, milliseconds. */
export const IDLE = 10_000;

/** The segments of one attempt: a script executes except while a call of its own is under way; other steps wait for others. */
export function segmentsOf(step: Pick<StepAttempt, 'started' | 'took_us' | 'usage' | 'calls'>): Segment[] {
  const from = Date.parse(step.started);
  const to = from + step.took_us / 1000;
  if (!step.usage) return [{ phase: 'waiting', from, to }];
  const waits = step.calls
    .map((call) => ({ from: Math.max(from, call.at_ms - call.took_us / 1000), to: Math.min(to, call.at_ms) }))
    .filter((wait) => wait.to - wait.from > 1)
    .sort((a, b) => a.from - b.from);
  const out: Segment[] = [];
  let here = from;
  for (const wait of waits) {
    if (wait.to <= here) continue;
    if (wait.from > here) out.push({ phase: 'executing', from: here, to: wait.from });
    out.push({ phase: 'waiting', from: Math.max(here, wait.from), to: wait.to });
    here = wait.to;
  }
  if (to > here || out.length === 0) out.push({ phase: 'executing', from: here, to });
  return unslept(out, step.usage.wall_us / 1000);
}

/** A sleep of a script is no call. Where it slept is not told, so what is too much for its time in the sandbox stands at the end. */
function unslept(parts: Segment[], inside: number): Segment[] {
  const executing = parts.reduce((sum, part) => sum + (part.phase === 'executing' ? part.to - part.from : 0), 0);
  const last = parts.at(-1);
  if (last?.phase !== 'executing' || executing < inside * 1.5 + 5) return parts;
  const cut = last.to - Math.min(last.to - last.from, executing - inside);
  const kept: Segment[] = cut > last.from ? [{ phase: 'executing', from: last.from, to: cut }] : [];
  return [...parts.slice(0, -1), ...kept, { phase: 'waiting', from: cut, to: last.to }];
}

/** The rows of a run, in the order in which its steps began. `now` ends what is unfinished. */
export function bars(run: Run, now: number): Bar[] {
  const created = Date.parse(run.created);
  const out: Bar[] = [];
  const firstStep = run.steps.map((step) => Date.parse(step.started)).sort((a, b) => a - b)[0];
  const begun = run.started ? Date.parse(run.started) : (firstStep ?? (run.finished ? Date.parse(run.finished) : now));
  const queued = Math.max(created, Math.min(begun, firstStep ?? begun));
  if (queued - created >= 1 || run.steps.length === 0) {
    const segments: Segment[] = [{ phase: 'queued', from: created, to: queued }];
    out.push({ key: '', step: '', at: [], attempt: 0, status: 'queued', segments, ticks: [], from: created, to: queued, index: null });
  }
  run.steps.forEach((step, index) => {
    const segments = segmentsOf(step);
    const from = Date.parse(step.started);
    const end = from + step.took_us / 1000;
    const next = step.next_attempt ? Date.parse(step.next_attempt) : null;
    if (next !== null && next > end) segments.push({ phase: 'waiting', from: end, to: Math.min(next, Math.max(end, now)) });
    const ticks = step.calls.map((call) => call.at_ms);
    const to = segments.at(-1)?.to ?? end;
    out.push({ key: stepKey(step.id, step.at), step: step.id, at: step.at, attempt: step.attempt, status: step.status, segments, ticks, from, to, index });
  });
  for (const wait of run.waiting) {
    const from = Date.parse(wait.since);
    const segments: Segment[] = [{ phase: 'waiting', from, to: Math.max(now, from) }];
    out.push({ key: stepKey(wait.id, wait.at), step: wait.id, at: wait.at, attempt: 0, status: 'waiting', segments, ticks: [], from, to: Math.max(now, from), index: null });
  }
  return out.sort((a, b) => a.from - b.from || (a.index ?? -1) - (b.index ?? -1));
}

export interface Axis {
  /** The place of a time, 0 to 1. */
  place: (ms: number) => number;
  /** Folded stretches: where they stand, and how long they are. */
  folds: { at: number; ms: number }[];
  /** Milliseconds from the beginning to the end. */
  length: number;
}

/** The share of the axis that a folded stretch takes. */
const FOLD = 0.05;

/** An axis from the first to the last time; stretches of over ten seconds in which nothing executes take a little of it. */
export function axis(rows: readonly Bar[]): Axis {
  const times = rows.flatMap((bar) => [bar.from, bar.to]);
  if (times.length === 0) return { place: () => 0, folds: [], length: 0 };
  const [begin, end] = [Math.min(...times), Math.max(...times)];
  // A row that ends, and one that begins, stays apart from an idle stretch beside it.
  const busy = rows
    .flatMap((bar) => bar.segments)
    .filter((part) => part.phase === 'executing' || part.to - part.from <= IDLE)
    .map((part) => [part.from, part.to] as [number, number])
    .concat([[begin, begin], [end, end]])
    .sort((a, b) => a[0] - b[0]);
  const folds: { from: number; to: number }[] = [];
  let reach = begin;
  for (const [from, to] of busy) {
    if (from - reach > IDLE) folds.push({ from: reach, to: from });
    reach = Math.max(reach, to);
  }
  const idle = folds.reduce((sum, fold) => sum + fold.to - fold.from, 0);
  const share = Math.min(FOLD, 0.5 / Math.max(1, folds.length));
  const awake = end - begin - idle;
  const room = awake > 0 ? 1 - folds.length * share : 0;
  const width = folds.length > 0 && room === 0 ? 1 / folds.length : share;
  const place = (ms: number) => {
    const time = Math.min(end, Math.max(begin, ms));
    let skipped = 0;
    let out = 0;
    for (const fold of folds) {
      if (time <= fold.from) break;
      const inside = Math.min(time, fold.to) - fold.from;
      out += width * (inside / (fold.to - fold.from));
      skipped += inside;
    }
    return out + (awake > 0 ? (room * (time - begin - skipped)) / awake : 0);
  };
  return {
    place,
    folds: folds.map((fold) => ({ at: (place(fold.from) + place(fold.to)) / 2, ms: fold.to - fold.from })),
    length: end - begin,
  };
}

export type Line = { bar: Bar } | { group: string; bars: Bar[]; failed: number; open: boolean };

/** Iterations beyond this many are folded to one row. */
const MANY = 8;

/** Rows with the iterations of loops folded, unless their step is in `open`. */
export function folded(rows: readonly Bar[], open: ReadonlySet<string>): Line[] {
  const iterations = new Map<string, Bar[]>();
  for (const bar of rows) {
    if (bar.at.length === 0) continue;
    const group = iterations.get(bar.step);
    if (group) group.push(bar);
    else iterations.set(bar.step, [bar]);
  }
  const told = new Set<string>();
  const out: Line[] = [];
  for (const bar of rows) {
    const group = iterations.get(bar.step);
    if (bar.at.length === 0 || !group || group.length <= MANY) {
      out.push({ bar });
      continue;
    }
    if (!told.has(bar.step)) {
      told.add(bar.step);
      out.push({ group: bar.step, bars: group, failed: group.filter((it) => it.status === 'failed').length, open: open.has(bar.step) });
    }
    if (open.has(bar.step)) out.push({ bar });
  }
  return out;
}
