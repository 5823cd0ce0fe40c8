/** What can be done by name: the palette lists it, and the page that offers it takes it away again. */
import { useEffect, useSyncExternalStore } from 'react';

export interface Command {
  name: string;
  /** A key that does it without the palette. */
  key?: string;
  run: () => void;
}

let commands: readonly Command[] = [];
const listeners = new Set<() => void>();

function change(next: readonly Command[]): void {
  commands = next;
  for (const each of listeners) each();
}

export function useCommandList(): readonly Command[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => commands,
  );
}

export const commandOf = (key: string): Command | undefined => commands.findLast((command) => command.key === key);

/** Offers commands while the page is there. The list is compared by its names. */
export function useCommands(list: readonly Command[]): void {
  const names = list.map((command) => command.name).join('\n');
  // biome-ignore lint/correctness/useExhaustiveDependencies: what they do belongs to their names
  useEffect(() => {
    change([...commands, ...list]);
    return () => change(commands.filter((command) => !list.includes(command)));
  }, [names]);
}
