/** How this browser shows the console: theme and keys. */
import { remember, remembered } from './store';

export type Theme = 'auto' | 'light' | 'dark';

export function theme(): Theme {
  const chosen = remembered('theme');
  return chosen === 'light' || chosen === 'dark' ? chosen : 'auto';
}

export function setTheme(next: Theme): void {
  remember('theme', next === 'auto' ? null : next);
  applyTheme();
}

export function applyTheme(): void {
  const chosen = theme();
  if (chosen === 'auto') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = chosen;
}

/** Whether keys without ⌘ or Ctrl do something (WCAG 2.1.4: they can be switched off). */
export const singleKeys = (): boolean => remembered('keys') !== 'off';
export const setSingleKeys = (on: boolean): void => remember('keys', on ? null : 'off');
