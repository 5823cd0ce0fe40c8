import { describe, expect, it } from 'vitest';

import { blocks, kept, MOST, matches, upsert } from '../src/api/stream';
import type { Json, Run, RunLine, StepAttempt } from '../src/api/types';
import { en } from '../src/i18n/en';
import { zh } from '../src/i18n/zh';
import { curl, quoted } from '../src/lib/curl';
import { differences, rows, valueAt } from '../src/lib/flat';
import { GATES, gateOf } from '../src/lib/gates';
import { fit, pathOf } from '../src/lib/goto';
import { grouped, shape } from '../src/lib/groups';
import { composing, isEnter } from '../src/lib/keys';
import { hides, pieces } from '../src/lib/marks';
import { stateOf } from '../src/lib/state';
import { ago, bytes, elided, span } from '../src/lib/units';
import { axis, bars, folded, segmentsOf } from '../src/lib/waterfall';

const ID = 'run_01a22ca7db7f4ed4f248a5c7ec8a0ac4';

describe('texts', () => {
  it('are there in both languages, and say something', () => {
    const compare = (a: object, b: object, path: string) => {
      for (const [name, text] of Object.entries(a)) {
        const other = (b as Record<string, unknown>)[name];
        expect(typeof other, `${path}.${name}`).toBe(typeof text);
        if (typeof text === 'string') expect(other, `${path}.${name}`).not.toBe('');
        else if (typeof text === 'object') compare(text as object, other as object, `${path}.${name}`);
      }
      expect(Object.keys(b).sort(), path).toEqual(Object.keys(a).sort());
    };
    compare(en, zh, 'texts');
  });

  it('do not shout, and Chinese has no spaces typed between 汉字', () => {
    const all = JSON.stringify([en, zh]);
    expect(all).not.toMatch(/[!！]/);
    expect(JSON.stringify(zh)).not.toMatch(/[\u4e00-\u9fff] +[\u4e00-\u9fff]/);
  });
});

describe('units', () => {
  it('have few digits', () => {
    expect([bytes(0, 'en'), bytes(1536, 'en'), bytes(33_554_432, 'en')]).toEqual(['0 B', '1.5 KiB', '32 MiB']);
    expect([0, 0.45, 3, 250, 1234, 61_000, 7_800_000, 86_400_000].map(span)).toEqual(['0 ms', '0.45 ms', '3 ms', '250 ms', '1.23 s', '1 min 1 s', '2 h 10 min', '1 d']);
    expect(ago(0, 180_000, 'en')).toBe('3 min. ago');
    expect(elided(ID)).toBe('run_01a22c…0ac4');
  });
});

describe('texts of strangers', () => {
  it('show what cannot be seen, and colours of terminals', () => {
    expect(pieces('a\u202Eb')).toEqual([{ text: 'a' }, { mark: 'U+202E' }, { text: 'b' }]);
    expect(pieces('\u001b[31mred\u001b[0m no')).toEqual([{ text: 'red', style: 'red' }, { text: ' no' }]);
    expect(pieces('\u001b]8;;x')).toEqual([{ mark: 'U+001B' }, { text: ']8;;x' }]);
    expect(hides('中文\n<b>')).toBe(false);
    expect(pieces('')).toEqual([]);
  });
});

describe('curl', () => {
  it('quotes for a shell, and leaves out what is hidden or curl’s own', () => {
    expect(quoted("it's")).toBe(`'it'\\''s'`);
    const line = curl({ method: 'POST', url: 'http://h/a?b=1&c=2', headers: { host: 'h', authorization: '[hidden]', 'x-a': '$(id)' }, body: "@{\"a\":'b'}" });
    expect(line).toBe(`curl 'http://h/a?b=1&c=2' -H 'x-a: $(id)' --data-raw '@{"a":'\\''b'\\''}'`);
    expect(curl({ method: 'GET', url: 'http://h/' })).toBe('curl http://h/');
    expect(curl({ method: 'PUT', url: 'http://h/' })).toBe('curl -X PUT http://h/');
  });
});

describe('json', () => {
  const value: Json = { a: [1, { 'b/c': null }], d: 'x' };

  it('becomes rows that can be folded', () => {
    expect(rows(value, new Set()).map((row) => row.pointer)).toEqual(['', '/a', '/a/0', '/a/1', '/a/1/b~1c', '/d']);
    expect(rows(value, new Set(['/a'])).map((row) => row.pointer)).toEqual(['', '/a', '/d']);
    expect(rows([], new Set())).toMatchObject([{ kind: 'array', size: 0, open: false }]);
    expect(rows(Array.from({ length: 20_000 }, (_, at) => at), new Set())).toHaveLength(1);
  });

  it('is read by pointer, own members alone', () => {
    expect(valueAt(value, '/a/1/b~1c')).toBeNull();
    expect(valueAt(value, '')).toBe(value);
    expect(valueAt(value, '/constructor')).toBeUndefined();
  });

  it('can be nested more deeply than calls can', () => {
    let deep: Json = 1;
    for (let at = 0; at < 20_000; at += 1) deep = [deep];
    expect(differences(deep, deep, 10)).toEqual([]);
  });

  it('differs where it differs', () => {
    const other: Json = { a: [1, {}], d: 'y', e: 1 };
    expect(differences(value, other, 10).map((it) => it.pointer)).toEqual(['/a/1/b~1c', '/d', '/e']);
    expect(differences(value, other, 1)).toHaveLength(1);
    expect(differences({}, {}, 10)).toEqual([]);
  });
});

const step = (id: string, started: number, tookMs: number, more: Partial<StepAttempt> = {}): StepAttempt => ({
  id, at: [], attempt: 1, status: 'succeeded', output: null, error: null, next_attempt: null, logs: [], log_truncated: false, usage: null, calls: [],
  started: new Date(started).toISOString(), took_us: tookMs * 1000, ...more,
});
const usage = { fuel: 1, peak_memory: 1, wall_us: 100_000, cpu_us: 1, host_calls: 0, bytes_in: 0, bytes_out: 0 };
const run = (steps: StepAttempt[], more: Partial<Run> = {}): Run => ({
  id: ID, workflow: 'w', version: 'v', status: 'succeeded', running: false, mode: 'sync', cause: 'webhook', trigger: null, origin: null, parent: null,
  created: new Date(1000).toISOString(), started: new Date(1010).toISOString(), due: null, finished: new Date(90_000).toISOString(), failed_steps: 0,
  error: null, answer: null, steps, waiting: [], notes: [], context: null, ...more,
});

describe('the waterfall', () => {
  it('splits an attempt into executing and waiting for its calls', () => {
    const calls = [{ op: 'fetch', target: '', error: null, at_ms: 1060, took_us: 40_000 }];
    expect(segmentsOf(step('a', 1000, 100, { usage, calls }))).toEqual([
      { phase: 'executing', from: 1000, to: 1020 },
      { phase: 'waiting', from: 1020, to: 1060 },
      { phase: 'executing', from: 1060, to: 1100 },
    ]);
    expect(segmentsOf(step('a', 1000, 100))).toEqual([{ phase: 'waiting', from: 1000, to: 1100 }]);
    const slept = segmentsOf(step('a', 1000, 300, { usage: { ...usage, wall_us: 4000 } }));
    expect(slept).toEqual([{ phase: 'executing', from: 1000, to: 1004 }, { phase: 'waiting', from: 1004, to: 1300 }]);
  });

  it('folds idle stretches, and keeps the order of times', () => {
    const all = bars(run([step('a', 1010, 100, { usage }), step('nap', 1110, 60_000), step('b', 61_110, 100, { usage })]), 90_000);
    expect(all.map((bar) => bar.key)).toEqual(['', 'a', 'nap', 'b']);
    const scale = axis(all);
    expect(scale.folds).toHaveLength(1);
    expect(scale.folds[0]?.ms).toBe(60_000);
    const places = [1000, 1010, 1110, 30_000, 61_110, 61_210].map(scale.place);
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(scale.place(0)).toBe(0);
    expect(scale.place(1e9)).toBeCloseTo(1);
    expect((scale.place(61_110) - scale.place(1110))).toBeLessThan(0.1);
  });

  it('has an axis for a run in which nothing happened', () => {
    expect(axis([]).place(5)).toBe(0);
    const queued = bars(run([], { started: null, finished: null, status: 'queued' }), 2000);
    expect(queued).toMatchObject([{ status: 'queued', from: 1000, to: 2000 }]);
  });

  it('folds many iterations to one row', () => {
    const steps = Array.from({ length: 12 }, (_, at) => step('each', 1010 + at, 1, { at: [at], usage, status: at === 3 ? 'failed' : 'succeeded' }));
    const all = bars(run(steps), 2000);
    expect(folded(all, new Set()).filter((line) => 'group' in line)).toMatchObject([{ group: 'each', failed: 1, open: false }]);
    expect(folded(all, new Set(['each']))).toHaveLength(all.length + 1);
  });
});

const line = (id: string, more: Partial<RunLine> = {}): RunLine => ({
  id, workflow: 'w', status: 'failed', running: false, cause: 'webhook', trigger: null, origin: null, created: id, due: null, took_ms: 1, answer_status: null,
  failed_steps: 0, error: { code: 'script_error', message: `order ${id.length} failed`, step: 'a' }, ...more,
});

describe('failures', () => {
  it('are grouped by what they have in common', () => {
    expect(shape('order 4711 of "Wei" failed')).toBe('order 0 of … failed');
    const groups = grouped([line('3'), line('22'), line('1', { error: { code: 'timeout', message: '', step: 'a' } })]);
    expect(groups.map((group) => [group.code, group.runs.length, group.first])).toEqual([['script_error', 2, '22'], ['timeout', 1, '1']]);
  });
});

describe('live lists', () => {
  it('read events however they are cut', () => {
    const text = ': hello\r\n\r\nid: 1\nevent: run\ndata: {"a":\ndata: 1}\n\nid: 2\rdata: x\r\r';
    for (let size = 1; size < 12; size += 1) {
      const read = blocks();
      const found = [];
      for (let at = 0; at < text.length; at += size) found.push(...read(text.slice(at, at + size)));
      found.push(...read('\n'));
      expect(found, `pieces of ${size}`).toEqual([{ id: '1', event: 'run', data: '{"a":\n1}' }, { id: '2', event: 'message', data: 'x' }]);
    }
  });

  it('do not grow for ever', () => {
    expect([kept(0), kept(MOST), kept(MOST + 1)]).toEqual([0, MOST, MOST / 2]);
  });

  it('take what fits their filter, in order', () => {
    const pages = [[line('5'), line('3')], [line('1')]];
    const next = upsert(pages, [line('4'), line('6', { status: 'queued' }), line('3', { status: 'succeeded' }), line('0')], { status: 'failed' });
    expect(next.map((page) => page.map((it) => it.id))).toEqual([['5', '4'], ['1']]);
    expect(upsert([[]], [line('7')], {}).map((page) => page.length)).toEqual([1]);
    expect(matches({ id: 'r', workflow: 'w', status: 401, outcome: { refused: {} } }, { refused: 'true', workflow: 'w' })).toBe(true);
    expect(matches({ id: 'r', workflow: 'w', status: 200, outcome: 'filtered' }, { refused: 'true' })).toBe(false);
  });
});

describe('names', () => {
  it('lead to their pages', () => {
    expect(pathOf(` ${ID} `)).toBe(`/runs/${ID}`);
    expect(pathOf('req_01a22ca7db7f4ed4f248a5c7ec8a0ac4')).toBe('/requests/req_01a22ca7db7f4ed4f248a5c7ec8a0ac4');
    expect(pathOf(`${ID}.approval`)).toContain('/questions?open=');
    expect(pathOf('javascript:alert(1)')).toBeNull();
  });

  it('are found by their beginnings first', () => {
    expect(fit('GitHub push', 'push')).toBe(2);
    expect(fit('Push', 'pu')).toBe(3);
    expect(fit('Push', 'x')).toBe(-1);
    expect(fit('anything', '')).toBe(0);
  });

  it('of gates are those of refusals', () => {
    expect(gateOf('signature_invalid')).toBe('signature');
    expect(gateOf('toString')).toBeNull();
    expect(GATES.every((gate) => en.gate[gate] !== '')).toBe(true);
  });

  it('of states hold for servers that say them and those that do not', () => {
    expect(stateOf({ enabled: true, paused: true })).toBe('paused');
    expect(stateOf({ enabled: false, paused: true })).toBe('off');
    expect(stateOf({ enabled: true, paused: false, state: 'gone' })).toBe('gone');
  });
});

describe('keys', () => {
  it('of an input method are its own', () => {
    expect(isEnter({ key: 'Enter' })).toBe(true);
    expect(isEnter({ key: 'Enter', keyCode: 229 })).toBe(false);
    expect(isEnter({ key: 'Enter', nativeEvent: { isComposing: true, keyCode: 13 } })).toBe(false);
    expect(composing({ key: 'a' })).toBe(false);
  });
});
