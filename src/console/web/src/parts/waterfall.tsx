import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { ChevronRight, CircleCheck, CircleDashed, CircleX, Hourglass } from 'lucide-react';
import { useLayoutEffect, useMemo, useRef, useState } from 'react';

import type { Run } from '../api/types';
import { useText } from '../i18n';
import { axis, type Bar, bars, folded, type Line, type Phase } from '../lib/waterfall';
import { bytes, short, span } from '../lib/units';
import css from '../pages/run.module.css';
import { toneStyle } from './ui';

const ICONS = { succeeded: CircleCheck, failed: CircleX, waiting: Hourglass, queued: CircleDashed };
const VIRTUAL = 200;

/** The steps of a run over time. It is a table too: each row says in words what its bars show. */
export function Waterfall({ run, now, picked, pick }: { run: Run; now: number; picked: number | null; pick: (index: number) => void }) {
  const { t } = useText();
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const all = useMemo(() => bars(run, now), [run, now]);
  const scale = useMemo(() => axis(all), [all]);
  const lines = useMemo(() => folded(all, open), [all, open]);
  const self = useRef<HTMLDivElement>(null);
  const [offset, setOffset] = useState(0);
  useLayoutEffect(() => setOffset((self.current?.getBoundingClientRect().top ?? 0) + scrollY), []);
  const large = lines.length > VIRTUAL;
  const virtual = useWindowVirtualizer({ count: large ? lines.length : 0, estimateSize: () => 35, overscan: 20, scrollMargin: offset });
  const toggle = (step: string) => {
    const next = new Set(open);
    if (!next.delete(step)) next.add(step);
    setOpen(next);
  };
  const line = (it: Line, index: number) => (
    <Row key={'bar' in it ? `${it.bar.key} ${it.bar.attempt} ${it.bar.index}` : `group ${it.group}`} line={it} index={index} run={run} scale={scale} picked={picked} pick={pick} toggle={toggle} />
  );
  return (
    <div role="table" aria-label={t.run.waterfall} className={css.fall} ref={self} aria-rowcount={lines.length + 1}>
      <div role="rowgroup">
        <div role="row" className={`${css.line} ${css.heads}`}>
          <div role="columnheader">{t.run.step}</div>
          <div role="columnheader">
            <span className={css.legend}>
              {(['queued', 'executing', 'waiting'] as Phase[]).map((phase) => (
                <span key={phase} className={css[phase]}>{t.phase[phase]}</span>
              ))}
              {scale.folds.length > 0 ? <b style={{ fontWeight: 400 }}>┊ {t.run.folded}</b> : null}
            </span>
          </div>
          <div role="columnheader" className={css.end}>{t.run.took}</div>
          <div role="columnheader" className={css.end}>{t.run.fuel}</div>
          <div role="columnheader" className={css.end}>{t.run.memory}</div>
        </div>
      </div>
      <div role="rowgroup" style={large ? { position: 'relative', height: virtual.getTotalSize() } : undefined}>
        {large
          ? virtual.getVirtualItems().map((it) => (
              <div role="presentation" key={it.key} style={{ position: 'absolute', insetInline: 0, top: it.start - virtual.options.scrollMargin }}>
                {line(lines[it.index] as Line, it.index)}
              </div>
            ))
          : lines.map(line)}
      </div>
    </div>
  );
}

interface RowGiven {
  line: Line;
  index: number;
  run: Run;
  scale: ReturnType<typeof axis>;
  picked: number | null;
  pick: (index: number) => void;
  toggle: (step: string) => void;
}

function Row({ line, index, run, scale, picked, pick, toggle }: RowGiven) {
  const { t, locale } = useText();
  const whole = 'bar' in line ? [line.bar] : line.bars;
  const from = Math.min(...whole.map((bar) => bar.from));
  const to = Math.max(...whole.map((bar) => bar.to));
  const bar = 'bar' in line ? line.bar : null;
  const step = bar?.index == null ? null : run.steps[bar.index];
  const tone = bar ? bar.status : 'bar' in line || line.failed > 0 ? 'failed' : 'succeeded';
  const Icon = ICONS[tone];
  const name = bar ? (bar.key === '' ? t.run.queue : bar.key) : 'group' in line ? line.group : '';
  return (
    <div role="row" aria-rowindex={index + 2} className={`${css.line} ${tone === 'failed' ? css.bad : ''}`} data-picked={bar?.index != null && bar.index === picked ? '' : undefined}>
      <div role="cell">
        {'group' in line ? (
          <button type="button" className={css.step} style={toneStyle(tone)} aria-expanded={line.open} onClick={() => toggle(line.group)}>
            <ChevronRight size={14} style={{ rotate: line.open ? '90deg' : '0deg' }} aria-hidden />
            <code>{name}</code>
            <span>{t.run.iterations(line.bars.length, line.failed)}</span>
          </button>
        ) : bar?.index == null ? (
          <span className={css.step} style={toneStyle(tone)}>
            <Icon size={14} aria-hidden />
            <code>{name}</code>
          </span>
        ) : (
          <button type="button" className={css.step} style={toneStyle(tone)} aria-pressed={bar.index === picked} onClick={() => pick(bar.index as number)}>
            <Icon size={14} aria-label={t.status[tone]} />
            <code>{name}</code>
            {bar.attempt > 1 ? <span>×{bar.attempt}</span> : null}
          </button>
        )}
      </div>
      <div role="cell" className={css.track} aria-label={spoken(whole, t)}>
        {'group' in line ? <Piece from={from} to={to} phase="executing" scale={scale} /> : line.bar.segments.map((part) => <Piece key={`${part.phase} ${part.from}`} {...part} scale={scale} />)}
        {bar?.ticks.map((at, place) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: calls may end at the same time
          <i key={place} className={css.tick} style={{ insetInlineStart: `${scale.place(at) * 100}%` }} />
        ))}
        {scale.folds.map((fold) => (
          <i key={fold.at} className={css.break} style={{ insetInlineStart: `${fold.at * 100}%` }} title={span(fold.ms)} />
        ))}
      </div>
      <div role="cell" className={css.end}>{span(to - from)}</div>
      <div role="cell" className={`${css.end} ${css.extra}`}>{step?.usage ? short(step.usage.fuel, locale) : ''}</div>
      <div role="cell" className={`${css.end} ${css.extra}`}>{step?.usage ? bytes(step.usage.peak_memory, locale) : ''}</div>
    </div>
  );
}

function Piece({ from, to, phase, scale }: { from: number; to: number; phase: Phase; scale: ReturnType<typeof axis> }) {
  const [start, end] = [scale.place(from), scale.place(to)];
  return <i className={`${css.bar} ${css[phase]}`} style={{ insetInlineStart: `min(${start * 100}%, 100% - 3px)`, inlineSize: `${(end - start) * 100}%` }} />;
}

/** What the bars of a row say. */
function spoken(rows: readonly Bar[], t: ReturnType<typeof useText>['t']): string {
  const sums = new Map<Phase, number>();
  for (const part of rows.flatMap((bar) => bar.segments)) sums.set(part.phase, (sums.get(part.phase) ?? 0) + part.to - part.from);
  return [...sums].map(([phase, ms]) => `${t.phase[phase]} ${span(ms)}`).join(', ');
}
