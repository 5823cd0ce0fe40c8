// The engine has no TextEncoder and TextDecoder.

/** Lone surrogates become U+FFFD. */
export function toUtf8(text) {
  const bytes = [];
  for (const char of text.toWellFormed?.() ?? text) {
    const code = char.codePointAt(0);
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
    else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    else bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
  }
  return Uint8Array.from(bytes);
}

/** Each byte that belongs to no character becomes U+FFFD. */
export function fromUtf8(bytes) {
  const parts = [];
  let part = "";
  for (let at = 0; at < bytes.length; ) {
    const [code, length] = decodeOne(bytes, at);
    part += String.fromCodePoint(code);
    at += length;
    if (part.length > 8192) {
      parts.push(part);
      part = "";
    }
  }
  return parts.join("") + part;
}

function decodeOne(bytes, at) {
  const first = bytes[at];
  if (first < 0x80) return [first, 1];
  const length = first >= 0xf0 && first < 0xf5 ? 4 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xc2 && first < 0xe0 ? 2 : 0;
  if (length === 0 || at + length > bytes.length) return [0xfffd, 1];
  let code = first & (0xff >> (length + 1));
  for (let next = at + 1; next < at + length; next++) {
    if ((bytes[next] & 0xc0) !== 0x80) return [0xfffd, 1];
    code = (code << 6) | (bytes[next] & 63);
  }
  const smallest = [0, 0, 0x80, 0x800, 0x10000][length];
  const valid = code >= smallest && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return valid ? [code, length] : [0xfffd, 1];
}
