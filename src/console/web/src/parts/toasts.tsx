import { X } from 'lucide-react';
import { useSyncExternalStore } from 'react';

import { useText } from '../i18n';
import { Button, toneStyle } from './ui';
import css from './ui.module.css';

type Kind = 'done' | 'failed' | 'quiet';
interface Toast {
  id: number;
  kind: Kind;
  text: string;
}

let toasts: Toast[] = [];
let last = 0;
const listeners = new Set<() => void>();

function change(next: Toast[]): void {
  toasts = next;
  for (const each of listeners) each();
}

/** Says something at the edge of the page and to screen readers. A `quiet` one is for screen readers alone; a failure stays until it is closed. */
export function tell(kind: Kind, text: string): void {
  last += 1;
  const id = last;
  change([...toasts.slice(-3), { id, kind, text }]);
  if (kind !== 'failed') setTimeout(() => change(toasts.filter((toast) => toast.id !== id)), 5000);
}

export function Toasts() {
  const { t } = useText();
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <>
      <div className="sr" role="status" aria-live="polite">
        {shown.filter((toast) => toast.kind !== 'failed').map((toast) => toast.text).join('\n')}
      </div>
      <div className="sr" role="alert">
        {shown.filter((toast) => toast.kind === 'failed').map((toast) => toast.text).join('\n')}
      </div>
      <div className={css.toasts}>
        {shown
          .filter((toast) => toast.kind !== 'quiet')
          .map((toast) => (
            <div key={toast.id} style={toneStyle(toast.kind === 'failed' ? 'failed' : 'succeeded')}>
              <span style={{ flex: 1 }}>{toast.text}</span>
              <Button kind="quiet" icon={<X size={16} />} label={t.common.close} onPress={() => change(toasts.filter((it) => it.id !== toast.id))} />
            </div>
          ))}
      </div>
    </>
  );
}
