/** A request as a line for a POSIX shell. */

/** A text as one word of a POSIX shell. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

export interface Sent {
  method: string;
  url: string;
  headers?: Record<string, string>;
  body?: string;
}

/** What curl sets by itself, and what belongs to one connection alone. */
const OWN = new Set(['host', 'content-length', 'connection', 'accept-encoding', 'transfer-encoding', 'expect', 'user-agent']);
const HIDDEN = '[hidden]';

/** `curl -X POST URL -H … --data-raw …`. Headers that the server hid are left out, as their values are not known. */
export function curl({ method, url, headers = {}, body }: Sent): string {
  const words = ['curl'];
  const implied = body === undefined || body === '' ? 'GET' : 'POST';
  if (method !== implied) words.push('-X', quoted(method));
  words.push(quoted(url));
  for (const [name, value] of Object.entries(headers)) {
    if (!OWN.has(name) && value !== HIDDEN) words.push('-H', quoted(`${name}: ${value}`));
  }
  // `--data-raw` takes a leading @ as it is, where `-d` would read a file.
  if (body !== undefined && body !== '') words.push('--data-raw', quoted(body));
  return words.join(' ');
}
