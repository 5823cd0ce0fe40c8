import { useVirtualizer } from '@tanstack/react-virtual';
import { ChevronRight, Download } from 'lucide-react';
import { useMemo, useRef, useState } from 'react';

import type { Json, LogLine } from '../api/types';
import { useText } from '../i18n';
import { type Row, rows, valueAt } from '../lib/flat';
import css from './json.module.css';
import { Button, Copy, css as ui, Strange } from './ui';

const LINE = 24;
/** A string in a row is cut here; the whole is shown below when it is picked. */
const CUT = 240;
/** What a text shows of itself at first. */
const MOST = 100_000;
const HIDDEN = '[hidden]';

/** Saves a text as a file of no particular type, so that a browser opens nothing of it. */
export function save(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** A value as a tree of rows; only the rows in sight have elements, so that megabytes do not stop the page. */
export function JsonView({ value, label, file }: { value: Json; label: string; file: string }) {
  const { t } = useText();
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set());
  const [picked, setPicked] = useState<string | null>(null);
  const scroll = useRef<HTMLDivElement>(null);
  const lines = useMemo(() => rows(value, toggled), [value, toggled]);
  const virtual = useVirtualizer({ count: lines.length, getScrollElement: () => scroll.current, estimateSize: () => LINE, overscan: 20, initialRect: { width: 600, height: 480 } });
  const toggle = (pointer: string) => {
    const next = new Set(toggled);
    if (!next.delete(pointer)) next.add(pointer);
    setToggled(next);
  };
  const text = () => JSON.stringify(value, null, 2);
  const whole = picked === null ? undefined : valueAt(value, picked);
  return (
    <section className={css.box} aria-label={label}>
      <div className={css.bar}>
        <span>{picked ? <code>{picked}</code> : null}</span>
        <Button kind="quiet" icon={<Download size={16} />} label={t.common.download} onPress={() => save(text(), `${file}.json`)} />
        <Copy text={text} label={t.common.copyJson} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys */}
      <div className={css.scroll} ref={scroll} tabIndex={0} role="group" aria-label={label}>
        <div className={css.rows} style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((it) => {
            const row = lines[it.index];
            return row ? (
              <div key={row.pointer} className={css.line} style={{ top: it.start, paddingInlineStart: 6 + row.depth * 16 }} data-picked={picked === row.pointer ? '' : undefined}>
                <Cells row={row} toggle={toggle} pick={() => setPicked(picked === row.pointer ? null : row.pointer)} />
              </div>
            ) : null;
          })}
        </div>
      </div>
      {typeof whole === 'string' && whole.length > 60 ? (
        <div className={css.whole}>
          <Strange text={whole.slice(0, MOST)} />
        </div>
      ) : null}
    </section>
  );
}

function Cells({ row, toggle, pick }: { row: Row; toggle: (pointer: string) => void; pick: () => void }) {
  const { t } = useText();
  const name = row.name === null ? null : (
    <span className={css.name}>
      <Strange text={row.name.slice(0, CUT)} />:{' '}
    </span>
  );
  if (row.kind === 'scalar') {
    return (
      <>
        <span className={css.spacer} />
        {name}
        <button type="button" className={`${css.value} ${classOf(row.value)}`} onClick={pick}>
          {row.value === HIDDEN ? <span className={ui.hidden}>{t.common.hidden}</span> : <Strange text={shown(row.value)} />}
        </button>
      </>
    );
  }
  const [before, after] = row.kind === 'array' ? ['[', ']'] : ['{', '}'];
  return (
    <>
      {row.size > 0 ? (
        <button type="button" className={css.toggle} aria-expanded={row.open} aria-label={t.json.fold(row.name ?? '')} onClick={() => toggle(row.pointer)}>
          <ChevronRight size={14} />
        </button>
      ) : (
        <span className={css.spacer} />
      )}
      {name}
      <span className={css.size}>
        {row.size === 0 ? `${before}${after}` : `${before} ${t.json.members(row.size)} ${after}`}
      </span>
    </>
  );
}

const shown = (value: Json | undefined) =>
  typeof value === 'string' ? JSON.stringify(value.slice(0, CUT)).slice(0, value.length > CUT ? -1 : undefined) + (value.length > CUT ? '…' : '') : String(value);

const classOf = (value: Json | undefined) => (typeof value === 'string' ? css.string : typeof value === 'number' ? css.number : css.word);

/** A body as text. */
export function TextView({ text, label, file }: { text: string; label: string; file: string }) {
  const { t } = useText();
  return (
    <section className={css.box} aria-label={label}>
      <div className={css.bar}>
        <span>{text.length > MOST ? t.json.beginning : null}</span>
        <Button kind="quiet" icon={<Download size={16} />} label={t.common.download} onPress={() => save(text, file)} />
        <Copy text={text} label={t.common.copy} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys */}
      <div className={css.text} tabIndex={0} role="group" aria-label={label}>
        <Strange text={text.slice(0, MOST)} />
      </div>
    </section>
  );
}

/** A body: a tree if it is JSON, else its text. */
export function BodyView({ text, label, file }: { text: string; label: string; file: string }) {
  const value = useMemo(() => parsed(text), [text]);
  return value === undefined ? <TextView text={text} label={label} file={file} /> : <JsonView value={value} label={label} file={file} />;
}

function parsed(text: string): Json | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** What a script logged. Colours of terminals are ours; what cannot be seen is marked. */
export function LogView({ lines, cut }: { lines: readonly LogLine[]; cut: boolean }) {
  const { t, locale } = useText();
  const scroll = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: lines.length, getScrollElement: () => scroll.current, estimateSize: () => 24, overscan: 20, initialRect: { width: 600, height: 480 } });
  const time = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hour12: false });
  return (
    <section className={css.box} aria-label={t.run.logs}>
      <div className={css.bar}>
        <span>{cut ? t.run.logsCut : null}</span>
        <Copy text={lines.map((line) => `${line.level} ${line.text}`).join('\n')} label={t.common.copy} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys */}
      <div className={css.scroll} ref={scroll} tabIndex={0} role="group" aria-label={t.run.logs}>
        <div className={css.rows} style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((it) => {
            const line = lines[it.index];
            return line ? (
              <div key={it.index} ref={virtual.measureElement} data-index={it.index} className={css.log} data-level={line.level} style={{ position: 'absolute', insetInline: 0, top: it.start }}>
                <span className={css.time}>{time.format(line.at_ms)}</span>
                <span className={css.level}>{line.level}</span>
                <span>
                  <Strange text={line.text.slice(0, MOST)} />
                </span>
              </div>
            ) : null;
          })}
        </div>
      </div>
    </section>
  );
}

export { css as jsonCss };
