import type { RunLine } from '../api/types';
import { useText } from '../i18n';
import { elided, span } from '../lib/units';
import { type Column, RowLink, Table, tableCss } from './table';
import { css as ui, RunStatusPill, Strange, When } from './ui';

interface Given {
  runs: readonly RunLine[];
  without?: 'workflow';
  bare?: boolean;
  more?: { has: boolean; busy: boolean; load: () => void };
}

const idOf = (run: RunLine) => run.id;

export function RunTable({ runs, without, bare, more }: Given) {
  const { t } = useText();
  const columns: Column<RunLine>[] = [
    {
      name: t.runs.run,
      width: '150px',
      cell: (run) => (
        <RowLink to={`/runs/${run.id}`}>
          <span className={ui.mono}>{elided(run.id)}</span>
        </RowLink>
      ),
    },
    { name: t.runs.status, width: '118px', cell: (run) => <RunStatusPill run={run} /> },
    ...(without === 'workflow' ? [] : [{ name: t.runs.workflow, width: 'minmax(110px, 1fr)', cell: (run: RunLine) => run.workflow }]),
    { name: t.runs.cause, width: '110px', narrow: 'away', cell: (run) => <span className={ui.muted}>{t.cause(run.cause)}</span> },
    {
      name: t.runs.what,
      width: 'minmax(140px, 2fr)',
      narrow: 'wide',
      cell: (run) => (
        <div className={tableCss.cut}>
          {run.error ? (
            <>
              {run.error.step ? <code>{run.error.step}</code> : null} <span className={ui.red}><Strange text={run.error.message} /></span>
            </>
          ) : (
            <span className={ui.muted}>
              {run.answer_status ? t.runs.answered(run.answer_status) : ''}
              {run.failed_steps > 0 ? ` ${t.runs.failedSteps(run.failed_steps)}` : ''}
            </span>
          )}
        </div>
      ),
    },
    { name: t.runs.took, width: '84px', end: true, narrow: 'away', cell: (run) => (run.took_ms === null ? '—' : span(run.took_ms)) },
    { name: t.runs.when, width: '104px', end: true, cell: (run) => <span className={ui.muted}><When at={run.created} /></span> },
  ];
  return <Table label={t.nav.runs} columns={columns} items={runs} id={idOf} bare={bare ?? false} {...(more ? { more } : {})} />;
}
