import {
  Ban, Check, CircleAlert, CircleCheck, CircleDashed, CircleX, Copy as CopyIcon, Hourglass, LoaderCircle, OctagonX, Pause,
} from 'lucide-react';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { Button as AriaButton, type ButtonProps } from 'react-aria-components';
import { Link } from 'wouter';

import { Problem } from '../api/client';
import type { RunLine } from '../api/types';
import { useText } from '../i18n';
import { useNow } from '../lib/clock';
import { hides, pieces } from '../lib/marks';
import { ago, elided } from '../lib/units';
import { tell } from './toasts';
import css from './ui.module.css';

export { css };

type Kind = 'plain' | 'primary' | 'danger' | 'quiet';

const classOf = (kind: Kind, icon: boolean) => [css.button, kind !== 'plain' && css[kind], icon && css.icon].filter(Boolean).join(' ');

interface ButtonGiven extends Omit<ButtonProps, 'children' | 'className' | 'style'> {
  kind?: Kind;
  /** The button shows nothing but its icon; `label` is its name. */
  icon?: ReactNode;
  label?: string;
  children?: ReactNode;
}

export function Button({ kind = 'plain', icon, label, children, ...given }: ButtonGiven) {
  return (
    <AriaButton {...given} {...(label ? { 'aria-label': label } : {})} className={classOf(kind, !children)}>
      {icon}
      {children}
    </AriaButton>
  );
}

export function LinkButton({ to, kind = 'plain', children }: { to: string; kind?: Kind; children: ReactNode }) {
  return (
    <Link href={to} className={classOf(kind, false)}>
      {children}
    </Link>
  );
}

/** Copies a text; says so to eyes and to screen readers. */
export function Copy({ text, label }: { text: string | (() => string); label: string }) {
  const { t } = useText();
  const [done, setDone] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async () => {
    if (!(await copied(typeof text === 'string' ? text : text()))) return tell('failed', t.common.copyFailed);
    setDone(true);
    tell('quiet', t.common.copied);
    timer.current = setTimeout(() => setDone(false), 1500);
  };
  return <Button kind="quiet" icon={done ? <Check size={16} /> : <CopyIcon size={16} />} label={label} onPress={() => void copy()} />;
}

/** Copies a text. Browsers keep their clipboard from pages of plain http on other addresses than their own machine's. */
export async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    area.setAttribute('readonly', '');
    area.className = 'sr';
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}

/** A line of code or an address that is there to be copied. */
export function CodeLine({ text, label }: { text: string; label: string }) {
  return (
    <div className={css.codeLine}>
      <code>{text}</code>
      <Copy text={text} label={label} />
    </div>
  );
}

export type Tone = 'succeeded' | 'failed' | 'running' | 'waiting' | 'queued' | 'cancelled' | 'refused';

const ICONS: Record<Tone, typeof Check> = {
  succeeded: CircleCheck,
  failed: CircleX,
  running: LoaderCircle,
  waiting: Hourglass,
  queued: CircleDashed,
  cancelled: Ban,
  refused: OctagonX,
};

export const toneStyle = (tone: Tone) => ({ '--tone': `var(--${tone})` }) as React.CSSProperties;

/** Always icon, word and colour. */
export function Status({ tone, children, paused }: { tone: Tone; children: ReactNode; paused?: boolean }) {
  const Icon = paused ? Pause : ICONS[tone];
  return (
    <span className={`${css.status} ${tone === 'running' ? css.turning : ''}`} style={toneStyle(tone)}>
      <Icon size={14} aria-hidden />
      {children}
    </span>
  );
}

export const runTone = (run: Pick<RunLine, 'status' | 'running'>): Tone => (run.running ? 'running' : run.status);

export function RunStatusPill({ run }: { run: Pick<RunLine, 'status' | 'running'> }) {
  const { t } = useText();
  return <Status tone={runTone(run)}>{t.status[runTone(run)]}</Status>;
}

/** How long ago; the exact time on demand and for machines. */
export function When({ at }: { at: string }) {
  const { locale } = useText();
  const ms = Date.parse(at);
  const now = useNow(1000);
  return (
    <time dateTime={at} title={new Date(ms).toLocaleString(locale, { dateStyle: 'medium', timeStyle: 'long' })}>
      {ago(ms, Math.max(now, Date.now() - 1000), locale)}
    </time>
  );
}

export function Exactly({ at }: { at: string }) {
  const { locale } = useText();
  const options: Intl.DateTimeFormatOptions = { dateStyle: 'medium', timeStyle: 'medium' };
  return <time dateTime={at}>{new Date(at).toLocaleString(locale, options)}</time>;
}

/** An id: its middle is left out, copying gives it whole. */
export function Id({ id }: { id: string }) {
  return (
    <span className={css.mono} title={id}>
      {elided(id)}
    </span>
  );
}

/** A text that strangers may have written: what cannot be seen in it is shown as a mark, and nothing of it is markup. */
export function Strange({ text }: { text: string }) {
  if (!hides(text)) return text;
  return pieces(text).map((piece, index) =>
    'mark' in piece ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: pieces have no other name
      <span key={index} className={css.mark}>
        {piece.mark}
      </span>
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: pieces have no other name
      <span key={index} className={piece.style ? css[piece.style as 'red'] : undefined}>
        {piece.text}
      </span>
    ),
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={css.empty}>
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** What went wrong, why, and what to do. */
export function ProblemBox({ error, retry }: { error: unknown; retry?: () => void }) {
  const { t } = useText();
  const { title, detail, code } = useProblem(error);
  return (
    <div className={css.problem} style={toneStyle('failed')} role="alert">
      <CircleAlert size={18} aria-hidden />
      <div>
        <strong>{title}</strong>
        {detail ? <p><Strange text={detail} /></p> : null}
        {code ? <p className={`${css.muted} ${css.small}`}>{code}</p> : null}
        {retry ? (
          <div className={css.row}>
            <Button onPress={retry}>{t.common.tryAgain}</Button>
          </div>
        ) : null}
      </div>
    </div>
  );
}

/** A problem in the reader's language, as far as its code is known here. */
export function useProblem(error: unknown): { title: string; detail: string; code: string } {
  const { t } = useText();
  if (!(error instanceof Problem)) return { title: t.problems.unknown, detail: error instanceof Error ? error.message : String(error), code: '' };
  const known = (t.problems as Record<string, string>)[error.code];
  if (error.isMissing) return { title: t.problems.older, detail: '', code: '' };
  return { title: known ?? t.problems.unknown, detail: error.code === 'offline' ? '' : error.message, code: `${error.code}${error.status ? ` · ${error.status}` : ''}` };
}

/** Nothing for the first moment, as most answers come within it. */
export function Busy() {
  const { t } = useText();
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 250);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div aria-busy="true" className={css.muted}>
      {late ? t.common.loading : null}
    </div>
  );
}

export function Panel({ title, actions, children, flush }: { title: ReactNode; actions?: ReactNode; children: ReactNode; flush?: boolean }) {
  return (
    <section className={css.panel}>
      <div className={css.panelHead}>
        <h2>{title}</h2>
        {actions ? <div className={css.row}>{actions}</div> : null}
      </div>
      {flush ? children : <div className={css.panelBody}>{children}</div>}
    </section>
  );
}

export function Facts({ children }: { children: ReactNode }) {
  return <dl className={css.facts}>{children}</dl>;
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export function Field({ label, hint, children }: { label: string; hint?: ReactNode; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is among the children
    <label className={css.field}>
      <span>{label}</span>
      {children}
      {hint ? <small>{hint}</small> : null}
    </label>
  );
}

export function Select({ label, value, onChange, options }: { label: string; value: string; onChange: (value: string) => void; options: [string, string][] }) {
  return (
    <select className={css.select} aria-label={label} value={value} onChange={(event) => onChange(event.target.value)}>
      {options.map(([name, text]) => (
        <option key={name} value={name}>
          {text}
        </option>
      ))}
    </select>
  );
}
