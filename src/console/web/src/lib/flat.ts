/** JSON as rows, so that only those in sight need elements. Pure. */
import type { Json } from '../api/types';

export interface Row {
  /** JSON pointer of the value (RFC 6901). */
  pointer: string;
  depth: number;
  /** The name or index in its parent; nothing for the whole. */
  name: string | null;
  /** A scalar's value; for a container its kind. */
  value: Json | undefined;
  kind: 'scalar' | 'object' | 'array';
  /** How many members a container has. */
  size: number;
  open: boolean;
}

/** Containers deeper than this, or larger, begin closed. */
const OPEN_DEPTH = 3;
const OPEN_SIZE = 100;

export function isContainer(value: Json): value is Json[] | { [name: string]: Json } {
  return typeof value === 'object' && value !== null;
}

const escaped = (name: string) => name.replaceAll('~', '~0').replaceAll('/', '~1');

/** Whether a container is open when nobody has touched it. */
export function opensByItself(depth: number, size: number): boolean {
  return depth < OPEN_DEPTH && size <= OPEN_SIZE;
}

/** The rows of a value. `toggled` holds the pointers whose state is not the one they begin with. */
export function rows(value: Json, toggled: ReadonlySet<string>): Row[] {
  const out: Row[] = [];
  // A stack of its own: a value may be nested deeper than the engine's stack.
  const todo: { value: Json; name: string | null; pointer: string; depth: number }[] = [
    { value, name: null, pointer: '', depth: 0 },
  ];
  for (let next = todo.pop(); next; next = todo.pop()) {
    const { value: here, name, pointer, depth } = next;
    if (!isContainer(here)) {
      out.push({ pointer, depth, name, value: here, kind: 'scalar', size: 0, open: false });
      continue;
    }
    const array = Array.isArray(here);
    const names = array ? null : Object.keys(here);
    const size = array ? here.length : (names as string[]).length;
    const open = size > 0 && opensByItself(depth, size) !== toggled.has(pointer);
    out.push({ pointer, depth, name, value: undefined, kind: array ? 'array' : 'object', size, open });
    if (!open) continue;
    for (let index = size - 1; index >= 0; index -= 1) {
      const key = names ? (names[index] as string) : String(index);
      const child = (array ? here[index] : here[key]) as Json;
      todo.push({ value: child, name: key, pointer: `${pointer}/${escaped(key)}`, depth: depth + 1 });
    }
  }
  return out;
}

/** The value at a JSON pointer. */
export function valueAt(value: Json, pointer: string): Json | undefined {
  let here: Json | undefined = value;
  for (const part of pointer.split('/').slice(1)) {
    if (here === undefined || !isContainer(here)) return undefined;
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    here = Array.isArray(here) ? here[Number(name)] : Object.hasOwn(here, name) ? here[name] : undefined;
  }
  return here;
}

export interface Difference {
  pointer: string;
  before: Json | undefined;
  after: Json | undefined;
}

/** Where two values differ, at most `most` places, in the order of the first. */
export function differences(before: Json | undefined, after: Json | undefined, most: number): Difference[] {
  const out: Difference[] = [];
  const todo: Difference[] = [{ pointer: '', before, after }];
  for (let next = todo.pop(); next && out.length < most; next = todo.pop()) {
    const { pointer, before: a, after: b } = next;
    const both = a !== undefined && b !== undefined && isContainer(a) && isContainer(b);
    if (!both || Array.isArray(a) !== Array.isArray(b)) {
      if (a !== b && !(both && Object.keys(a).length + Object.keys(b).length === 0)) out.push(next);
      continue;
    }
    const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].reverse();
    const member = (from: Json, name: string) =>
      Object.hasOwn(from as object, name) ? (from as Record<string, Json>)[name] : undefined;
    for (const name of names) {
      todo.push({ pointer: `${pointer}/${escaped(name)}`, before: member(a, name), after: member(b, name) });
    }
  }
  return out;
}
