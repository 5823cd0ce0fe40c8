import { useSyncExternalStore } from 'react';

/** A clock that all times on a page share: it ticks each second while somebody looks. */
const listeners = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    if (document.visibilityState === 'hidden') return;
    now = Date.now();
    for (const each of listeners) each();
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The present, to `grain` milliseconds, so that a page renders no more often than its texts change. */
export function useNow(grain = 1000): number {
  return useSyncExternalStore(subscribe, () => Math.floor(now / grain) * grain);
}
