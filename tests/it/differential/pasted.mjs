// Prints the scripts of pasted/*.js with what Node gives, one JSON object a line: node pasted.mjs
// {"name", "source": the body of an async function with `context`, "expected": its output, or "ended: NAME: MESSAGE"}
//
// A line `//# NAME` begins a script. `context.data` is pasted/event.json.

import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';

const folder = new URL('pasted/', import.meta.url);
const event = readFileSync(new URL('event.json', folder), 'utf8');
const require = createRequire(import.meta.url);
const AsyncFunction = (async () => {}).constructor;
// A rejection that a script forgets ends nothing here.
process.on('unhandledRejection', () => {});

for (const file of readdirSync(folder).filter((name) => name.endsWith('.js')).sort()) {
  const [, ...parts] = readFileSync(new URL(file, folder), 'utf8').split(/^\/\/# /m);
  for (const part of parts) {
    const end = part.indexOf('\n');
    const source = part.slice(end + 1);
    let expected;
    try {
      const value = await new AsyncFunction('context', 'require', source)({ data: JSON.parse(event) }, require);
      expected = JSON.stringify(value) ?? 'null';
    } catch (error) {
      expected = `ended: ${error}`;
    }
    process.stdout.write(JSON.stringify({ name: `${file.slice(0, -3)}: ${part.slice(0, end)}`, source, expected }) + '\n');
  }
}
