// Packs a folder into a tar whose files are compressed with brotli, or compares one with it.
//
//   node pack.mjs pack FOLDER FILE.tar      writes the tar: sorted by name, no times, no owners
//   node pack.mjs compare FOLDER FILE.tar   exits with 1 and says where they differ, decompressed; versions of Node compress differently
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { argv, exit } from 'node:process';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';

const BLOCK = 512;

/** Every file below a folder as `a/b.js` → bytes, sorted. */
function filesOf(folder) {
  const names = [];
  const walk = (at) => {
    for (const name of readdirSync(at)) {
      const path = join(at, name);
      if (statSync(path).isDirectory()) walk(path);
      else names.push(relative(folder, path).split(sep).join('/'));
    }
  };
  walk(folder);
  return names.sort().map((name) => [name, readFileSync(join(folder, name))]);
}

function packed(bytes) {
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_LGWIN, BROTLI_PARAM_SIZE_HINT } = constants;
  return brotliCompressSync(bytes, {
    params: { [BROTLI_PARAM_QUALITY]: 11, [BROTLI_PARAM_LGWIN]: 22, [BROTLI_PARAM_SIZE_HINT]: bytes.length },
  });
}

/** A header of POSIX.1-1988 (ustar). */
function header(name, size) {
  const head = Buffer.alloc(BLOCK);
  if (Buffer.byteLength(name) > 100) throw new Error(`${name}: the name is too long`);
  head.write(name, 0);
  head.write('0000644\0', 100);
  head.write('0000000\0', 108);
  head.write('0000000\0', 116);
  head.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  head.write('00000000000\0', 136);
  head.write('        ', 148);
  head.write('0', 156);
  head.write('ustar\x0000', 257);
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return head;
}

function tar(files) {
  const parts = files.flatMap(([name, bytes]) => [header(name, bytes.length), bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK)]);
  return Buffer.concat([...parts, Buffer.alloc(BLOCK * 2)]);
}

function untar(bytes) {
  const files = [];
  for (let at = 0; bytes[at] !== 0 && at < bytes.length; ) {
    const name = bytes.subarray(at, at + 100).toString().replace(/\0.*$/s, '');
    const size = Number.parseInt(bytes.subarray(at + 124, at + 135).toString(), 8);
    files.push([name, bytes.subarray(at + BLOCK, at + BLOCK + size)]);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}

const [, , verb, folder, file] = argv;
const built = filesOf(folder);
if (verb === 'pack') {
  const bytes = tar(built.map(([name, content]) => [name, packed(content)]));
  writeFileSync(file, bytes);
  console.log(`${built.length} files, ${bytes.length} bytes`);
} else if (verb === 'compare') {
  const committed = new Map(untar(readFileSync(file)).map(([name, content]) => [name, brotliDecompressSync(content)]));
  const wrong = [];
  for (const [name, content] of built) {
    const other = committed.get(name);
    if (!other) wrong.push(`${name} is not in the tar`);
    else if (!other.equals(content)) wrong.push(`${name} differs`);
    committed.delete(name);
  }
  for (const name of committed.keys()) wrong.push(`${name} is in the tar alone`);
  for (const each of wrong) console.error(each);
  exit(wrong.length > 0 ? 1 : 0);
} else {
  console.error('say pack or compare');
  exit(2);
}
