import type { Outcome, RequestLine } from '../api/types';
import { useText } from '../i18n';
import { bytes, span } from '../lib/units';
import { type Column, RowLink, Table, tableCss } from './table';
import { css as ui, Status, Strange, type Tone, When } from './ui';

export type Verdict = 'accepted' | 'duplicate' | 'refused' | 'skipped' | 'called_back' | 'handshake' | 'filtered';

export const verdictOf = (outcome: Outcome): Verdict => (typeof outcome === 'string' ? outcome : (Object.keys(outcome)[0] as Verdict));

/** The run that a request started or met. */
export function runOf(outcome: Outcome): string | null {
  const about = typeof outcome === 'string' ? null : (Object.values(outcome)[0] as { run?: string });
  return about?.run ?? null;
}

const TONES: Record<Verdict, Tone> = {
  accepted: 'succeeded',
  duplicate: 'cancelled',
  refused: 'refused',
  skipped: 'queued',
  called_back: 'succeeded',
  handshake: 'running',
  filtered: 'queued',
};

export function VerdictPill({ outcome }: { outcome: Outcome }) {
  const { t } = useText();
  const verdict = verdictOf(outcome);
  return <Status tone={TONES[verdict] ?? 'queued'}>{(t.verdict as Record<string, string>)[verdict] ?? verdict}</Status>;
}

interface Given {
  requests: readonly RequestLine[];
  without?: 'workflow';
  bare?: boolean;
  more?: { has: boolean; busy: boolean; load: () => void };
}

const idOf = (request: RequestLine) => request.id;

export function RequestTable({ requests, without, bare, more }: Given) {
  const { t, locale } = useText();
  const columns: Column<RequestLine>[] = [
    {
      name: t.requests.request,
      width: 'minmax(180px, 1.4fr)',
      cell: (it) => (
        <div className={tableCss.cut}>
          <RowLink to={`/requests/${it.id}`}>
            <span className={ui.mono}>
              {it.method} <Strange text={it.path} />
            </span>
          </RowLink>
        </div>
      ),
    },
    { name: t.requests.verdict, width: '128px', cell: (it) => <VerdictPill outcome={it.outcome} /> },
    ...(without === 'workflow' ? [] : [{ name: t.requests.workflow, width: 'minmax(90px, 0.8fr)', narrow: 'away' as const, cell: (it: RequestLine) => it.workflow ?? <span className={ui.muted}>—</span> }]),
    {
      name: t.requests.why,
      width: 'minmax(140px, 1.6fr)',
      narrow: 'wide',
      cell: (it) => (
        <div className={tableCss.cut}>
          {typeof it.outcome === 'object' && 'refused' in it.outcome ? <Strange text={it.outcome.refused.reason} /> : <span className={ui.muted}>{t.requests.answered(it.status)}</span>}
        </div>
      ),
    },
    { name: t.requests.from, width: '110px', narrow: 'away', cell: (it) => <span className={`${ui.mono} ${ui.muted}`}>{it.ip}</span> },
    { name: t.requests.size, width: '70px', end: true, narrow: 'away', cell: (it) => bytes(it.body_bytes, locale) },
    { name: t.requests.took, width: '76px', end: true, narrow: 'away', cell: (it) => span(it.took_us / 1000) },
    { name: t.requests.when, width: '96px', end: true, narrow: 'wide', cell: (it) => <span className={ui.muted}><When at={it.received} /></span> },
  ];
  return <Table label={t.nav.requests} columns={columns} items={requests} id={idOf} bare={bare ?? false} {...(more ? { more } : {})} />;
}
