import type { Workflow } from '../api/types';
import { useWorkflows } from '../api/queries';
import { useText } from '../i18n';
import { fit } from '../lib/goto';
import { useParams } from '../lib/params';
import { at } from '../lib/place';
import { STATE_TONES, stateOf } from '../lib/state';
import { filtersClass, Page } from '../parts/shell';
import { type Column, RowLink, Table, tableCss } from '../parts/table';
import { Busy, Copy, css as ui, Empty, ProblemBox, Select, Status, When } from '../parts/ui';
import css from './workflows.module.css';

export function Workflows() {
  const { t } = useText();
  const [params, setParams] = useParams(['q', 'state'] as const);
  const query = useWorkflows();
  const shown = (query.data ?? []).filter(
    (workflow) => fit(`${workflow.title ?? ''} ${workflow.key}`, params.q) >= 0 && (!params.state || stateOf(workflow) === params.state),
  );
  const columns: Column<Workflow>[] = [
    {
      name: t.workflows.name,
      width: 'minmax(180px, 1.4fr)',
      cell: (it) => (
        <div className={css.name}>
          <RowLink to={`/workflows/${it.key}`}>
            <strong>{it.title || it.key}</strong>
          </RowLink>
          <span className={`${ui.mono} ${ui.muted}`}>{it.key}</span>
        </div>
      ),
    },
    { name: t.workflows.state, width: '110px', cell: (it) => <WorkflowState workflow={it} /> },
    { name: t.workflows.startedBy, width: 'minmax(220px, 2fr)', narrow: 'wide', cell: (it) => <StartedBy workflow={it} /> },
    { name: t.workflows.queue, width: '130px', narrow: 'wide', cell: (it) => <Queue workflow={it} /> },
  ];
  return (
    <Page title={t.nav.workflows}>
      <div className={filtersClass}>
        <input className={ui.input} type="search" aria-label={t.workflows.search} placeholder={t.workflows.search} value={params.q} onChange={(event) => setParams({ q: event.target.value })} />
        <Select
          label={t.workflows.state}
          value={params.state}
          onChange={(state) => setParams({ state })}
          options={[['', t.workflows.allStates], ['on', t.state.on], ['paused', t.state.paused], ['off', t.state.off]]}
        />
      </div>
      {query.error && !query.data ? <ProblemBox error={query.error} retry={() => void query.refetch()} /> : null}
      {query.isPending ? <Busy /> : null}
      {query.data && query.data.length === 0 ? (
        <Empty title={t.workflows.none}>
          <p>{t.workflows.noneText}</p>
        </Empty>
      ) : null}
      {query.data && query.data.length > 0 && shown.length === 0 ? <Empty title={t.common.noMatch} /> : null}
      {shown.length > 0 ? <Table label={t.nav.workflows} columns={columns} items={shown} id={keyOf} /> : null}
    </Page>
  );
}

const keyOf = (workflow: Workflow) => workflow.key;

export function WorkflowState({ workflow }: { workflow: Workflow }) {
  const { t } = useText();
  const state = stateOf(workflow);
  return (
    <Status tone={STATE_TONES[state]} paused={state === 'paused'}>
      {t.state[state]}
    </Status>
  );
}

function StartedBy({ workflow }: { workflow: Workflow }) {
  const { t } = useText();
  const webhook = workflow.path;
  const others = workflow.triggers.filter((trigger) => trigger.type !== 'webhook');
  return (
    <div className={css.name}>
      {webhook ? (
        <span className={css.url}>
          <code>{webhook}</code>
          <span className={tableCss.above}>
            <Copy text={at(webhook)} label={t.workflow.copyUrl} />
          </span>
        </span>
      ) : null}
      {others.length > 0 ? (
        <span className={`${ui.muted} ${css.chips}`}>
          {others.map((trigger) => (
            <span key={trigger.name} className={ui.tag}>
              {t.triggerType(trigger.type)}
              {trigger.cron ? ` ${trigger.cron}` : ''}
            </span>
          ))}
          {workflow.next ? (
            <span className={ui.small}>
              {t.workflows.next} <When at={workflow.next} />
            </span>
          ) : null}
        </span>
      ) : null}
    </div>
  );
}

function Queue({ workflow }: { workflow: Workflow }) {
  const { t } = useText();
  if (workflow.pending_runs === 0 && workflow.waiting_runs === 0) return <span className={ui.muted}>{t.workflows.idle}</span>;
  return (
    <span className={css.chips}>
      {workflow.pending_runs > 0 ? <span className={ui.tag}>{t.workflows.pending(workflow.pending_runs)}</span> : null}
      {workflow.waiting_runs > 0 ? <span className={ui.tag}>{t.workflows.waiting(workflow.waiting_runs)}</span> : null}
    </span>
  );
}
