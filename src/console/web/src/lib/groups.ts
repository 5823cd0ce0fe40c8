/** Failures of one kind together. Pure. */
import type { RunLine } from '../api/types';

export interface Group {
  key: string;
  workflow: string;
  code: string;
  step: string | null;
  /** The message of the newest. */
  message: string;
  runs: RunLine[];
  first: string;
  last: string;
}

/** A message without what differs from run to run: numbers, ids and quoted values. */
export function shape(message: string): string {
  return message
    .replaceAll(/"[^"]{0,200}"|'[^']{0,200}'|`[^`]{0,200}`/g, '…')
    .replaceAll(/\b[0-9a-f]{8,}\b/gi, '…')
    .replaceAll(/\d+/g, '0')
    .slice(0, 200);
}

/** Groups by workflow, code, step and shape of the message, the largest first. The runs come newest first. */
export function grouped(lines: readonly RunLine[]): Group[] {
  const groups = new Map<string, Group>();
  for (const line of lines) {
    const { code = '', step = null, message = '' } = line.error ?? {};
    const key = JSON.stringify([line.workflow, code, step, shape(message)]);
    const group = groups.get(key);
    if (group) {
      group.runs.push(line);
      group.first = line.created;
    } else {
      groups.set(key, { key, workflow: line.workflow, code, step, message, runs: [line], first: line.created, last: line.created });
    }
  }
  return [...groups.values()].sort((a, b) => b.runs.length - a.runs.length || (a.last < b.last ? 1 : -1));
}
