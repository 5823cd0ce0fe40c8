/** What a stream of server-sent events says, and what its lines do to lists. Pure. */

export interface Block {
  id: string;
  event: string;
  data: string;
}

/** A reader of `text/event-stream`: takes pieces of it as they come and gives the events that are whole. */
export function blocks(): (piece: string) => Block[] {
  let rest = '';
  let block: { id: string; event: string; data: string[] } = { id: '', event: '', data: [] };
  return (piece) => {
    const out: Block[] = [];
    rest += piece;
    // A line may end by CR alone; a CR at the end of a piece may have its LF in the next.
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (block.data.length > 0) out.push({ id: block.id, event: block.event || 'message', data: block.data.join('\n') });
        block = { id: block.id, event: '', data: [] };
        continue;
      }
      const colon = line.indexOf(':');
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'data') block.data.push(value);
      else if (field === 'event') block.event = value;
      else if (field === 'id') block.id = value;
    }
    return out;
  };
}

interface Listed {
  id: string;
  workflow: string | null;
  status: string | number;
  outcome?: unknown;
}

/** Whether a line belongs to a list of this filter. */
export function matches(line: Listed, filter: Readonly<Record<string, string>>): boolean {
  const refused = typeof line.outcome === 'object' && line.outcome !== null && 'refused' in line.outcome;
  return Object.entries(filter).every(([name, wanted]) => {
    if (!wanted) return true;
    if (name === 'workflow') return line.workflow === wanted;
    if (name === 'status') return line.status === wanted;
    if (name === 'refused') return String(refused) === wanted;
    return false;
  });
}

/** Pages of a list, newest first, with these lines put in their places. Ids rise with time. */
export function upsert<T extends Listed>(pages: readonly T[][], lines: readonly T[], filter: Readonly<Record<string, string>>): T[][] {
  const out = pages.map((page) => [...page]);
  const first = out[0];
  if (!first) return out;
  const fresh: T[] = [];
  for (const line of lines) {
    const page = out.find((each) => each.some((it) => it.id === line.id));
    const fits = matches(line, filter);
    if (page) {
      const index = page.findIndex((it) => it.id === line.id);
      if (fits) page[index] = line;
      else page.splice(index, 1);
    } else if (fits) {
      fresh.push(line);
    }
  }
  // What is older than the first page belongs to pages that may not be there.
  const oldest = pages[0]?.at(-1)?.id ?? '';
  first.push(...fresh.filter((line) => line.id > oldest));
  first.sort((a, b) => (a.id < b.id ? 1 : -1));
  return out;
}

/** A first page that grew to more than this is cut, to half of it. */
export const MOST = 1000;

/** How many rows of a first page stay; the rest of the list is asked for again by who goes down to it. */
export function kept(length: number): number {
  return length > MOST ? MOST / 2 : length;
}
