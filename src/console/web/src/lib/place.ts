/**
 * Where the console lives. The server writes `<base>`, relative to the page that was asked for; it is taken once at
 * the start, because the address changes with each page.
 */
export const root: URL = new URL(document.baseURI);

/** The path of the console without the slash at its end: empty at the root of a host. */
export const basePath: string = root.pathname.replace(/\/$/, '');

/** The absolute address of something that the server answers, such as `api/v1/runs`. */
export function at(path: string): string {
  return new URL(path.replace(/^\//, ''), root).href;
}
