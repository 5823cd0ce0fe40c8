// Makes programs: the same number makes the same program on every machine. A program runs its body four times at the same place, over
// objects that live on, as it is the second and later times that caches of an engine answer.

import { Random } from './random.mjs';
import * as objects from './objects.mjs';
import * as language from './language.mjs';
import * as library from './library.mjs';
import * as scopes from './scopes.mjs';
import * as corners from './corners.mjs';
import * as patterns from './patterns.mjs';

const FRAGMENTS = [...Object.values(objects), ...Object.values(language), ...Object.values(library), ...Object.values(scopes), ...Object.values(corners), ...Object.values(patterns)];

// How often the body of a program runs.
const ROUNDS = 4;

// The program of that number, without its prelude.
export function program(number) {
  const random = new Random(Math.imul(number, 2654435761) ^ 0x5eed);
  const shared = { kept: [], next: 0, name: (stem) => `${stem}${shared.next++}` };
  const parts = random.times(1 + random.below(3), () => random.pick(FRAGMENTS)(random, shared));
  const guarded = parts.map((part) => `  try {\n${part}\n  } catch (error) { note('ended', error && error.name); }`);
  return [
    ...shared.kept,
    `async function body(round) {`,
    ...guarded,
    `}`,
    `for (let round = 0; round < ${ROUNDS}; round++) { note('round', round); await body(round); }`,
    `return out.join('\\n');`,
  ].join('\n');
}
