/** Where a name leads: the id of a run, of a request or of a question, or the key of a workflow. Pure. */
export function pathOf(text: string): string | null {
  const id = text.trim();
  if (/^run_[0-9a-f]{32}$/.test(id)) return `/runs/${id}`;
  if (/^req_[0-9a-f]{32}$/.test(id)) return `/requests/${id}`;
  if (/^run_[0-9a-f]{32}\.[A-Za-z0-9_]+(?:\.\d+)*$/.test(id)) return `/questions?open=${encodeURIComponent(id)}`;
  return null;
}

/** How well a text fits what was typed: all its words are in it, the beginning counts most. Nothing is less than 0. */
export function fit(text: string, typed: string): number {
  const here = text.toLowerCase();
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  let sum = 0;
  for (const word of words) {
    const at = here.indexOf(word);
    if (at < 0) return -1;
    sum += at === 0 ? 3 : /[\s\-_/]/.test(here[at - 1] ?? '') ? 2 : 1;
  }
  return sum;
}
