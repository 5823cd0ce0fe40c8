/** What this browser remembers of its user, and what a tab alone remembers. A browser that forbids it forgets. */

function read(storage: () => Storage, name: string): string | null {
  try {
    return storage().getItem(`flowcell.${name}`);
  } catch {
    return null;
  }
}

function write(storage: () => Storage, name: string, value: string | null): void {
  try {
    if (value === null) storage().removeItem(`flowcell.${name}`);
    else storage().setItem(`flowcell.${name}`, value);
  } catch {
    // It works without.
  }
}

const local = () => localStorage;
const session = () => sessionStorage;

export const remembered = (name: string): string | null => read(local, name);
export const remember = (name: string, value: string | null): void => write(local, name, value);
export const ofThisTab = (name: string): string | null => read(session, name);
export const keepInTab = (name: string, value: string | null): void => write(session, name, value);
