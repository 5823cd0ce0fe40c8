import { Pause, Play, Zap } from 'lucide-react';
import { useState } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { Link, useLocation, useParams } from 'wouter';

import { call } from '../api/client';
import { touch, useRequests, useRuns, useStats, useWorkflows } from '../api/queries';
import type { Trigger, Workflow } from '../api/types';
import { useText } from '../i18n';
import { useCommands } from '../lib/commands';
import { curl } from '../lib/curl';
import { at } from '../lib/place';
import { bytes } from '../lib/units';
import { HourBars } from '../parts/bars';
import { Ask } from '../parts/dialog';
import { RequestTable } from '../parts/requests';
import { RunTable } from '../parts/runs';
import { Page } from '../parts/shell';
import { tell } from '../parts/toasts';
import { Busy, Button, CodeLine, css as ui, Empty, Exactly, Fact, Facts, Field, LinkButton, Panel, ProblemBox, When } from '../parts/ui';
import { useWho } from '../who';
import { WorkflowState } from './workflows';
import css from './workflows.module.css';

export function WorkflowPage() {
  const { key = '' } = useParams<{ key: string }>();
  const { t } = useText();
  const query = useWorkflows();
  const workflow = query.data?.find((each) => each.key === key);
  if (query.isPending) return <Busy />;
  if (query.error && !query.data) return <ProblemBox error={query.error} retry={() => void query.refetch()} />;
  if (!workflow) {
    return (
      <Page title={key} crumb={['/workflows', t.nav.workflows]}>
        <Empty title={t.workflow.unknown}>
          <p>{t.workflow.unknownText}</p>
          <LinkButton to={`/runs?workflow=${encodeURIComponent(key)}`}>{t.workflow.itsRuns}</LinkButton>
        </Empty>
      </Page>
    );
  }
  return <Overview workflow={workflow} />;
}

function Overview({ workflow }: { workflow: Workflow }) {
  const { t, locale } = useText();
  const { may } = useWho();
  const client = useQueryClient();
  const [starting, setStarting] = useState(false);
  const [busy, setBusy] = useState(false);
  const runs = useRuns({ workflow: workflow.key }, 10);
  const refused = useRequests({ workflow: workflow.key, refused: 'true' }, 5);
  const stats = useStats(workflow.key);
  const lastRuns = runs.data?.pages[0]?.runs ?? [];
  const refusals = refused.data?.pages[0]?.requests ?? [];
  const operates = may('operator');

  const pause = async () => {
    setBusy(true);
    const verb = workflow.paused ? 'resume' : 'pause';
    try {
      await call(`workflows/${encodeURIComponent(workflow.key)}/${verb}`, { method: 'POST' });
      tell('done', workflow.paused ? t.workflow.resumed : t.workflow.pausedNow);
    } catch (error) {
      tell('failed', error instanceof Error ? error.message : String(error));
    } finally {
      touch(client, 'workflows');
      setBusy(false);
    }
  };
  useCommands(
    operates
      ? [
          { name: workflow.paused ? t.workflow.resume : t.workflow.pause, run: () => void pause() },
          { name: t.workflow.run, key: 'x', run: () => setStarting(true) },
        ]
      : [],
  );
  return (
    <Page
      title={workflow.title || workflow.key}
      crumb={['/workflows', t.nav.workflows]}
      status={<WorkflowState workflow={workflow} />}
      actions={
        operates ? (
          <>
            <Button icon={workflow.paused ? <Play size={16} /> : <Pause size={16} />} isDisabled={busy} onPress={() => void pause()}>
              {workflow.paused ? t.workflow.resume : t.workflow.pause}
            </Button>
            <Button kind="primary" icon={<Zap size={16} />} onPress={() => setStarting(true)}>
              {t.workflow.run}
            </Button>
          </>
        ) : null
      }
    >
      {workflow.problems?.map((problem) => (
        <ProblemBox key={problem.code ?? problem.message} error={new Error(problem.message ?? problem.detail ?? problem.code)} />
      ))}
      {workflow.paused ? <p className={ui.muted}>{t.workflow.pausedText}</p> : null}
      <div className={css.two}>
        <Panel title={t.workflow.triggers}>
          <div className={css.triggers}>
            {workflow.triggers.map((trigger) => (
              <TriggerBox key={trigger.name} trigger={trigger} />
            ))}
          </div>
        </Panel>
        <Panel title={t.workflow.about}>
          <Facts>
            <Fact name={t.workflow.key}><code>{workflow.key}</code></Fact>
            {workflow.home ? <Fact name={t.workflow.home}>{t.homes[workflow.home]}</Fact> : null}
            {workflow.revision ? <Fact name={t.workflow.revision}>{`r${workflow.revision}`}</Fact> : null}
            <Fact name={t.workflow.version}><code title={workflow.version ?? ''}>{workflow.version?.slice(0, 12) ?? '—'}</code></Fact>
            <Fact name={t.workflow.pendingRuns}>{workflow.pending_runs}</Fact>
            <Fact name={t.workflow.waitingRuns}>
              {workflow.waiting_runs}
              {workflow.waiting_bytes > 0 ? ` · ${bytes(workflow.waiting_bytes, locale)}` : ''}
            </Fact>
            {workflow.next ? <Fact name={t.workflow.next}><Exactly at={workflow.next} /></Fact> : null}
          </Facts>
          {stats.data ? (
            <figure>
              <figcaption className={`${ui.muted} ${ui.small}`}>{t.chart.title}</figcaption>
              <HourBars hours={stats.data.hours} />
            </figure>
          ) : null}
        </Panel>
      </div>
      <Panel title={t.workflow.lastRuns} flush actions={<Link href={`/runs?workflow=${workflow.key}`}>{t.workflow.allRuns}</Link>}>
        {runs.error && !runs.data ? <ProblemBox error={runs.error} /> : null}
        {lastRuns.length > 0 ? <RunTable runs={lastRuns} without="workflow" bare /> : <Nothing workflow={workflow} loading={runs.isPending} />}
      </Panel>
      {refusals.length > 0 ? (
        <Panel title={t.workflow.lastRefusals} flush actions={<Link href={`/requests?refused=true&workflow=${workflow.key}`}>{t.workflow.allRefusals}</Link>}>
          <RequestTable requests={refusals} without="workflow" bare />
        </Panel>
      ) : null}
      {starting ? <Start workflow={workflow} onClose={() => setStarting(false)} /> : null}
    </Page>
  );
}

function Nothing({ workflow, loading }: { workflow: Workflow; loading: boolean }) {
  const { t } = useText();
  if (loading) return <Busy />;
  const webhook = workflow.triggers.find((trigger) => trigger.type === 'webhook');
  return (
    <div style={{ padding: 14, display: 'grid', gap: 10 }}>
      <p className={ui.muted}>{t.workflow.noRuns}</p>
      {webhook?.path ? <CodeLine text={sample(webhook)} label={t.workflow.copyCurl} /> : null}
    </div>
  );
}

const sample = (trigger: Trigger): string => {
  const method = trigger.methods?.[0] ?? 'POST';
  const takesBody = method !== 'GET' && method !== 'HEAD';
  return curl({ method, url: at(trigger.path ?? ''), ...(takesBody ? { headers: { 'content-type': 'application/json' }, body: '{"hello":"world"}' } : {}) });
};

function TriggerBox({ trigger }: { trigger: Trigger }) {
  const { t } = useText();
  return (
    <div className={css.trigger}>
      <div className={ui.row}>
        <h3>{t.triggerType(trigger.type)}</h3>
        <span className={ui.tag}>{trigger.name}</span>
        {trigger.methods?.map((method) => (
          <span key={method} className={ui.tag}>{method}</span>
        ))}
        {trigger.mode ? <span className={`${ui.muted} ${ui.small}`}>{t.modes(trigger.mode)}</span> : null}
      </div>
      {trigger.path ? (
        <>
          <CodeLine text={at(trigger.path)} label={t.workflow.copyUrl} />
          <CodeLine text={sample(trigger)} label={t.workflow.copyCurl} />
        </>
      ) : null}
      {trigger.cron ? (
        <p>
          <code>{trigger.cron}</code> <span className={ui.muted}>{trigger.timezone}</span>
          {trigger.next ? <span className={ui.muted}> · {t.workflows.next} <When at={trigger.next} /></span> : null}
        </p>
      ) : null}
      {trigger.workflows ? (
        <p className={ui.muted}>
          {t.workflow.after}{' '}
          {trigger.workflows.map((key) => (
            <Link key={key} href={`/workflows/${key}`}>{key} </Link>
          ))}
        </p>
      ) : null}
    </div>
  );
}

function Start({ workflow, onClose }: { workflow: Workflow; onClose: () => void }) {
  const { t } = useText();
  const [, go] = useLocation();
  const client = useQueryClient();
  const [data, setData] = useState('{\n  "hello": "world"\n}');
  const [trigger, setTrigger] = useState('');
  const start = async () => {
    const body = data.trim() === '' ? undefined : (JSON.parse(data) as unknown);
    const started = await call<{ run_id: string; skipped?: boolean }>(`workflows/${encodeURIComponent(workflow.key)}/runs`, {
      method: 'POST',
      query: { trigger },
      ...(body === undefined ? {} : { body }),
    });
    tell('done', started.skipped ? t.workflow.skipped : t.workflow.started);
    touch(client, 'runs', 'workflows');
    go(`/runs/${started.run_id}`);
  };
  return (
    <Ask open onClose={onClose} title={t.workflow.runTitle(workflow.title || workflow.key)} action={t.workflow.run} onAction={start}>
      <p className={ui.muted}>{t.workflow.runText}</p>
      {workflow.triggers.length > 1 ? (
        <Field label={t.workflow.asTrigger}>
          <select className={ui.select} value={trigger} onChange={(event) => setTrigger(event.target.value)}>
            <option value="">{t.workflow.noTrigger}</option>
            {workflow.triggers.map((each) => (
              <option key={each.name} value={each.name}>{each.name}</option>
            ))}
          </select>
        </Field>
      ) : null}
      <Field label={t.workflow.data} hint={t.workflow.dataHint}>
        <textarea className={ui.input} rows={8} spellCheck={false} value={data} onChange={(event) => setData(event.target.value)} />
      </Field>
    </Ask>
  );
}
