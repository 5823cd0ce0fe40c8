/** Keys, with input methods in mind: the Enter that takes a word of pinyin sends no form. */

type KeyLike = { key: string; keyCode?: number; isComposing?: boolean; nativeEvent?: { isComposing: boolean; keyCode: number } };

/** Whether an input method works on this key press. Some report it only by the key code 229. */
export function composing(event: KeyLike): boolean {
  const native = event.nativeEvent ?? event;
  return Boolean(native.isComposing) || native.keyCode === 229;
}

/** Whether this key press is Enter and meant as such. */
export function isEnter(event: KeyLike): boolean {
  return event.key === 'Enter' && !composing(event);
}

/** Whether what has the focus takes letters. */
export function takesLetters(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/** ⌘ on Apple's machines, Ctrl on others. */
export const onApple = /Mac|iPhone|iPad/.test(globalThis.navigator?.platform ?? '');
export const commandKey: string = onApple ? '⌘' : 'Ctrl ';
