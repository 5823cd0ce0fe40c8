// Prints programs with what Node says of them, one JSON object a line: node make.mjs FIRST COUNT
// {"id": number, "source": the body of an async function, "expected": what it returns}

import { readFileSync } from 'node:fs';
import v8 from 'node:v8';
import vm from 'node:vm';
import { program } from './generate.mjs';

// The patterns that V8 compiles keep, in the later matches of a global one, what a group found in the earlier; its interpreter does not.
v8.setFlagsFromString('--regexp-interpret-all');

const [first, count] = process.argv.slice(2).map(Number);
const prelude = readFileSync(new URL('prelude.js', import.meta.url), 'utf8');
// A rejection that a program forgets ends nothing here, and says nothing of the engine.
process.on('unhandledRejection', () => {});

for (let id = first; id < first + count; id++) {
  const source = `${prelude}\n${program(id)}`;
  // A fresh realm: what one program does to the builtins, the next does not see.
  const realm = vm.createContext({});
  vm.runInContext('globalThis.queueMicrotask = (work) => { Promise.resolve().then(work); };', realm);
  let expected;
  try {
    expected = await vm.runInContext(`(async function () {${source}\n})()`, realm, { timeout: 60_000 });
  } catch (error) {
    // What loops for ever is a mistake of the generator.
    if (error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw new Error(`program ${id} does not end`);
    expected = `ended: ${error && error.name}`;
  }
  if (!process.stdout.write(JSON.stringify({ id, source, expected }) + '\n')) await new Promise((go) => process.stdout.once('drain', go));
}
