/**
 * Text of strangers. What a reader could not see, or what would change how the rest is read, becomes a mark:
 * control characters, characters of no width, and those that turn the direction of writing.
 */

export type Piece = { text: string; style?: string } | { mark: string };

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/u;

/** `U+202E` for a character. */
export function named(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}

/** Whether a text has something in it that cannot be seen. */
export function hides(text: string): boolean {
  return HIDDEN.test(text);
}

const COLOURS = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];

/** Cuts a text into what is shown as it is and what is shown as a mark. Colours of terminals become names of styles. */
export function pieces(text: string): Piece[] {
  if (!HIDDEN.test(text)) return text === '' ? [] : [{ text }];
  const out: Piece[] = [];
  let style: string | undefined;
  let plain = '';
  const flush = () => {
    if (plain !== '') out.push(style ? { text: plain, style } : { text: plain });
    plain = '';
  };
  for (let at = 0; at < text.length; ) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape of terminals
    const colour = /^\u001b\[([0-9;]{0,16})m/.exec(text.slice(at, at + 20));
    if (colour) {
      flush();
      style = styleOf(colour[1] ?? '', style);
      at += colour[0].length;
      continue;
    }
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
    if (character === '\r' && text[at + 1] === '\n') {
      at += 1;
      continue;
    }
    if (HIDDEN.test(character)) {
      flush();
      out.push({ mark: named(character) });
    } else {
      plain += character;
    }
    at += character.length;
  }
  flush();
  return out;
}

function styleOf(codes: string, before: string | undefined): string | undefined {
  let style = before;
  for (const code of codes.split(';').map(Number)) {
    if (code === 0 || code === 39) style = undefined;
    else if (code >= 30 && code <= 37) style = COLOURS[code - 30];
    else if (code >= 90 && code <= 97) style = COLOURS[code - 90];
  }
  return style;
}
