import { Ban, RotateCcw, RotateCw } from 'lucide-react';
import { type InfiniteData, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation, useParams as usePathParams } from 'wouter';

import { call } from '../api/client';
import { touch, useRun } from '../api/queries';
import type { Run, RunFault, RunLine } from '../api/types';
import { useText } from '../i18n';
import { useNow } from '../lib/clock';
import { useCommands } from '../lib/commands';
import { useParams } from '../lib/params';
import { span } from '../lib/units';
import { stepKey } from '../lib/waterfall';
import { Ask } from '../parts/dialog';
import { BodyView, JsonView, jsonCss } from '../parts/json';
import { Page } from '../parts/shell';
import { tell } from '../parts/toasts';
import { Busy, Button, Copy, css as ui, Empty, Exactly, Fact, Facts, Field, Id, LinkButton, Panel, ProblemBox, RunStatusPill, Strange, When } from '../parts/ui';
import { Waterfall } from '../parts/waterfall';
import { useWho } from '../who';
import { Compare } from './compare';
import css from './run.module.css';
import { StepDetail } from './step';

export function RunPage() {
  const { id = '' } = usePathParams<{ id: string }>();
  const { t } = useText();
  const query = useRun(id);
  if (query.isPending) return <Busy />;
  if (!query.data) {
    return (
      <Page title={t.run.title} crumb={['/runs', t.nav.runs]}>
        <ProblemBox error={query.error} retry={() => void query.refetch()} />
      </Page>
    );
  }
  return <Shown run={query.data} />;
}

const ended = (run: Run) => run.status === 'succeeded' || run.status === 'failed' || run.status === 'cancelled';

function Shown({ run }: { run: Run }) {
  const { t } = useText();
  const { payloads } = useWho();
  const [, go] = useLocation();
  const client = useQueryClient();
  const tick = useNow(1000);
  const now = ended(run) ? Date.parse(run.finished ?? run.created) : Math.max(tick, Date.now() - 1000);
  const [params, setParams] = useParams(['step', 'attempt', 'tab', 'with'] as const);
  const picked = pickedIndex(run, params.step, params.attempt);
  const took = (run.finished ? Date.parse(run.finished) : now) - Date.parse(run.created);
  // The run is stored as started with what its first step gave; the step itself says when it began.
  const began = run.steps[0]?.started ?? run.started;
  const queued = began ? Math.max(0, Date.parse(began) - Date.parse(run.created)) : null;
  const near = neighbours(client.getQueriesData<InfiniteData<{ runs: RunLine[] }>>({ queryKey: ['runs'] }), run.id);
  useCommands([
    ...(near.before ? [{ name: t.run.newer, key: '[', run: () => go(`/runs/${near.before}`) }] : []),
    ...(near.after ? [{ name: t.run.older, key: ']', run: () => go(`/runs/${near.after}`) }] : []),
  ]);
  return (
    <Page title={run.workflow} crumb={['/runs', t.nav.runs]} status={<RunStatusPill run={run} />} actions={<RunActions run={run} />}>
      <div className={css.chain}>
        <span>
          <Id id={run.id} /> <Copy text={run.id} label={t.common.copyId} />
        </span>
        <span>
          {t.runs.workflow} <Link href={`/workflows/${run.workflow}`}>{run.workflow}</Link>
        </span>
        <span>
          {t.cause(run.cause)}
          {run.trigger ? ` · ${run.trigger}` : ''}
        </span>
        {run.origin ? <span>{t.run.repeats} <Link href={`/runs/${run.origin}`}><Id id={run.origin} /></Link></span> : null}
        {run.parent ? <span>{t.run.startedBy} <Link href={`/runs/${run.parent.run}?step=${run.parent.step}`}><Id id={run.parent.run} /></Link></span> : null}
      </div>
      {run.error ? <Fault fault={run.error} /> : null}
      {run.notes.map((note) => (
        <p key={note.code} className={ui.muted}><Strange text={note.message} /></p>
      ))}
      {run.waiting.length > 0 ? <Waiting run={run} /> : null}
      <Panel title={t.run.facts}>
        <Facts>
          <Fact name={t.run.created}><Exactly at={run.created} /></Fact>
          <Fact name={t.run.took}>{span(took)}</Fact>
          <Fact name={t.run.queuedFor}>{queued === null ? '—' : span(queued)}</Fact>
          {run.due && !ended(run) ? <Fact name={t.run.due}><When at={run.due} /></Fact> : null}
          <Fact name={t.run.mode}>{t.modes(run.mode)}</Fact>
          <Fact name={t.workflow.version}><code title={run.version}>{run.version.slice(0, 12)}</code></Fact>
          {run.failed_steps > 0 ? <Fact name={t.run.failedSteps}>{run.failed_steps}</Fact> : null}
        </Facts>
      </Panel>
      <Panel title={t.run.waterfall} flush>
        <Waterfall run={run} now={now} picked={picked} pick={(index) => {
          const step = run.steps[index];
          if (!step) return;
          const same = index === picked;
          setParams({ step: same ? '' : stepKey(step.id, step.at), attempt: same || step.attempt === 1 ? '' : String(step.attempt), ...(same ? { tab: '' } : {}) });
        }} />
      </Panel>
      {picked !== null && run.steps[picked] ? <StepDetail step={run.steps[picked]} told={run.error} tab={params.tab} setTab={(tab) => setParams({ tab })} /> : null}
      <Compare run={run} other={params.with} setOther={(other) => setParams({ with: other })} />
      {payloads ? (
        <>
          <Panel title={t.run.event}>
            <JsonView value={run.context} label={t.run.event} file={`${run.id}-event`} />
          </Panel>
          {run.answer !== null ? (
            <Panel title={t.run.answer}>
              <Answer answer={run.answer} id={run.id} />
            </Panel>
          ) : null}
        </>
      ) : (
        <Empty title={t.common.noPayloads} />
      )}
    </Page>
  );
}

function Answer({ answer, id }: { answer: Run['answer']; id: string }) {
  const { t } = useText();
  const told = answer as { status?: number; body?: string } | null;
  if (typeof told?.body !== 'string') return <JsonView value={answer} label={t.run.answer} file={`${id}-answer`} />;
  return (
    <>
      <p>{t.runs.answered(told.status ?? 0)}</p>
      {told.body === '' ? <p className={ui.muted}>{t.requests.noBody}</p> : <BodyView text={told.body} label={t.run.answer} file={`${id}-answer`} />}
    </>
  );
}

/** The step of the address; else the one that failed. */
function pickedIndex(run: Run, key: string, attempt: string): number | null {
  const wanted = key || '';
  const last = run.steps.findLastIndex((step) => stepKey(step.id, step.at) === wanted && (attempt === '' || step.attempt === Number(attempt)));
  if (wanted !== '') return last < 0 ? null : last;
  if (!run.error?.step) return null;
  const failed = run.steps.findLastIndex((step) => step.id === run.error?.step && step.status === 'failed');
  return failed < 0 ? null : failed;
}

/** The runs beside this one in the list that was looked at last. */
function neighbours(lists: [readonly unknown[], InfiniteData<{ runs: RunLine[] }> | undefined][], id: string): { before?: string | undefined; after?: string | undefined } {
  for (const [, data] of lists) {
    const runs = data?.pages.flatMap((page) => page.runs) ?? [];
    const at = runs.findIndex((run) => run.id === id);
    if (at >= 0) return { before: runs[at - 1]?.id, after: runs[at + 1]?.id };
  }
  return {};
}

export function Fault({ fault }: { fault: RunFault }) {
  const { t } = useText();
  const meaning = (t.faults as Record<string, string>)[fault.code];
  return (
    <section className={css.error} aria-label={t.run.error}>
      <div className={ui.row}>
        <h2>{meaning ?? fault.code}</h2>
        {fault.step ? <code>{fault.step}</code> : null}
        {fault.position ? <code className={ui.muted}>{`${fault.position.file}:${fault.position.line}:${fault.position.column}`}</code> : null}
      </div>
      <p><Strange text={fault.message} /></p>
      {fault.frame ? (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys
        <pre className={jsonCss.frame} tabIndex={0}><Strange text={fault.frame} /></pre>
      ) : null}
      {fault.limit ? <p>{t.run.limit(fault.limit.used, fault.limit.limit, fault.limit.unit)}</p> : null}
      {fault.stack ? (
        <details>
          <summary>{t.run.stack}</summary>
          <pre><Strange text={fault.stack} /></pre>
        </details>
      ) : null}
      <p className={`${ui.muted} ${ui.small}`}>{fault.code}</p>
    </section>
  );
}

function Waiting({ run }: { run: Run }) {
  const { t } = useText();
  return (
    <Panel title={t.run.waitingNow}>
      {run.waiting.map((wait) => (
        <div key={stepKey(wait.id, wait.at)} className={ui.row}>
          <code>{stepKey(wait.id, wait.at)}</code>
          <span>{t.waitsFor[wait.for]}</span>
          {wait.run ? <Link href={`/runs/${wait.run}`}><Id id={wait.run} /></Link> : null}
          {wait.question ? <LinkButton to={`/questions?open=${encodeURIComponent(wait.question.id)}`}>{t.questions.answerThis}</LinkButton> : null}
          <span className={ui.muted}>
            {t.run.since} <When at={wait.since} />
            {wait.until ? <> · {t.run.until} <When at={wait.until} /></> : null}
          </span>
        </div>
      ))}
    </Panel>
  );
}

function RunActions({ run }: { run: Run }) {
  const { t } = useText();
  const { may } = useWho();
  const [asked, ask] = useState<'retry' | 'replay' | 'cancel' | null>(null);
  const [on, setOn] = useState<'same' | 'newest'>('newest');
  const [reason, setReason] = useState('');
  const [, go] = useLocation();
  const client = useQueryClient();
  const operates = may('operator');
  const over = ended(run);
  const failed = run.status === 'failed';
  useCommands(
    operates
      ? [
          ...(failed ? [{ name: t.run.retry, key: 'r', run: () => ask('retry') }] : []),
          ...(over ? [{ name: t.run.replay, key: 'p', run: () => ask('replay') }] : [{ name: t.run.cancel, run: () => ask('cancel') }]),
        ]
      : [],
  );
  if (!operates) return null;
  const repeat = async (verb: 'retry' | 'replay') => {
    const { run_id } = await call<{ run_id: string }>(`runs/${run.id}/${verb}`, { method: 'POST', body: { on } });
    tell('done', t.run.repeated);
    touch(client, 'runs', 'letters');
    go(`/runs/${run_id}`);
  };
  const cancel = async () => {
    await call(`runs/${run.id}/cancel`, { method: 'POST', body: reason ? { reason } : {} });
    tell('done', t.run.cancelling);
    touch(client, 'runs', 'run');
  };
  const version = (
    <Field label={t.run.onVersion}>
      <select className={ui.select} value={on} onChange={(event) => setOn(event.target.value as 'same' | 'newest')}>
        <option value="newest">{t.run.newest}</option>
        <option value="same">{t.run.same}</option>
      </select>
    </Field>
  );
  return (
    <>
      {failed ? <Button kind="primary" icon={<RotateCw size={16} />} onPress={() => ask('retry')}>{t.run.retry}</Button> : null}
      {over ? <Button icon={<RotateCcw size={16} />} onPress={() => ask('replay')}>{t.run.replay}</Button> : null}
      {over ? null : <Button kind="danger" icon={<Ban size={16} />} onPress={() => ask('cancel')}>{t.run.cancel}</Button>}
      <Ask open={asked === 'retry'} onClose={() => ask(null)} title={t.run.retryTitle} action={t.run.retry} onAction={() => repeat('retry')}>
        <p>{t.run.retryText}</p>
        {version}
      </Ask>
      <Ask open={asked === 'replay'} onClose={() => ask(null)} title={t.run.replayTitle} action={t.run.replay} onAction={() => repeat('replay')}>
        <p>{t.run.replayText}</p>
        {version}
      </Ask>
      <Ask open={asked === 'cancel'} onClose={() => ask(null)} title={t.run.cancelTitle} action={t.run.cancel} danger onAction={cancel}>
        <p>{t.run.cancelText}</p>
        <Field label={t.run.reason}>
          <input className={ui.input} value={reason} onChange={(event) => setReason(event.target.value)} />
        </Field>
      </Ask>
    </>
  );
}
