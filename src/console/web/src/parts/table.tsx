import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { Link } from 'wouter';

import { useText } from '../i18n';
import { takesLetters } from '../lib/keys';
import { singleKeys } from '../lib/look';
import css from './table.module.css';
import { Button } from './ui';

export { css as tableCss };

export interface Column<T> {
  name: string;
  /** A track of the grid, as in `1fr` or `120px`. */
  width: string;
  cell: (item: T) => ReactNode;
  /** On narrow screens: on a line of its own, or left out. */
  narrow?: 'wide' | 'away';
  end?: boolean;
}

interface Given<T> {
  label: string;
  columns: Column<T>[];
  items: readonly T[];
  id: (item: T) => string;
  bare?: boolean;
  more?: { has: boolean; busy: boolean; load: () => void };
}

/** Beyond this many rows, only those in sight have elements. */
const VIRTUAL = 100;

/** A table as a grid of rows. Its first link of a row covers the row. `j` and `k` go from row to row. */
export function Table<T>({ label, columns, items, id, bare, more }: Given<T>) {
  const { t } = useText();
  const self = useRef<HTMLDivElement>(null);
  const known = useRef<Set<string> | null>(null);
  const [offset, setOffset] = useState(0);
  useEffect(() => {
    known.current = new Set(items.map(id));
  }, [items, id]);
  useLayoutEffect(() => {
    const place = () => setOffset((self.current?.getBoundingClientRect().top ?? 0) + scrollY);
    place();
    addEventListener('resize', place);
    return () => removeEventListener('resize', place);
  }, []);
  const large = items.length > VIRTUAL;
  const virtual = useWindowVirtualizer({ count: large ? items.length : 0, estimateSize: () => 41, overscan: 12, scrollMargin: offset });

  useEffect(() => {
    const keys = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || takesLetters(event.target) || !singleKeys()) return;
      if (event.key !== 'j' && event.key !== 'k') return;
      const links = [...(self.current?.querySelectorAll<HTMLElement>('[data-row-link]') ?? [])];
      const at = links.indexOf(document.activeElement as HTMLElement);
      links[Math.max(0, Math.min(links.length - 1, event.key === 'j' ? at + 1 : at - 1))]?.focus();
    };
    addEventListener('keydown', keys);
    return () => removeEventListener('keydown', keys);
  }, []);

  const row = (item: T, index: number, place?: { ref: (node: Element | null) => void; top: number }) => {
    const name = id(item);
    const fresh = known.current !== null && !known.current.has(name) && index < 20;
    return (
      <div
        key={name}
        role="row"
        aria-rowindex={index + 2}
        className={`${css.row} ${fresh ? css.fresh : ''}`}
        {...(place ? { ref: place.ref, 'data-index': index, style: { position: 'absolute', insetInline: 0, top: place.top } } : {})}
      >
        {columns.map((column) => (
          <div key={column.name} role="cell" className={[column.narrow === 'wide' && css.wide, column.narrow === 'away' && css.away, column.end && css.end].filter(Boolean).join(' ')}>
            {column.cell(item)}
          </div>
        ))}
      </div>
    );
  };

  return (
    <>
      <div
        ref={self}
        role="table"
        aria-label={label}
        aria-rowcount={more?.has ? -1 : items.length + 1}
        className={`${css.table} ${bare ? css.bare : ''}`}
        style={{ '--columns': columns.map((column) => column.width).join(' ') } as React.CSSProperties}
      >
        <div role="rowgroup">
          <div role="row" className={css.head} aria-rowindex={1}>
            {columns.map((column) => (
              <div key={column.name} role="columnheader" className={column.end ? css.end : undefined}>
                {column.name}
              </div>
            ))}
          </div>
        </div>
        {large ? (
          <div role="rowgroup" style={{ position: 'relative', height: virtual.getTotalSize() }}>
            {virtual.getVirtualItems().map((it) => row(items[it.index] as T, it.index, { ref: virtual.measureElement, top: it.start - virtual.options.scrollMargin }))}
          </div>
        ) : (
          <div role="rowgroup">{items.map((item, index) => row(item, index))}</div>
        )}
      </div>
      {more?.has ? (
        <div className={css.more}>
          <Button onPress={more.load} isDisabled={more.busy}>
            {more.busy ? t.common.loading : t.common.more}
          </Button>
        </div>
      ) : null}
    </>
  );
}

/** The link of a row. It covers the row, so that the row can be pressed anywhere. */
export function RowLink({ to, children }: { to: string; children: ReactNode }) {
  return (
    <Link href={to} className={css.link} data-row-link="">
      {children}
    </Link>
  );
}
