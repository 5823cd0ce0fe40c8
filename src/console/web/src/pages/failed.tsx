import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import { call, Problem } from '../api/client';
import { touch, useLetters } from '../api/queries';
import type { BulkReplay } from '../api/types';
import { useText } from '../i18n';
import { type Group, grouped } from '../lib/groups';
import { Ask } from '../parts/dialog';
import { RunTable } from '../parts/runs';
import { Page } from '../parts/shell';
import { tell } from '../parts/toasts';
import { Busy, Button, css as ui, Empty, Field, Panel, ProblemBox, Strange, When } from '../parts/ui';
import { useWho } from '../who';
import { WorkflowFilter } from './runs';

export function Failed() {
  const { t } = useText();
  const { may } = useWho();
  const query = useLetters();
  const [bulk, setBulk] = useState(false);
  const lines = query.data?.pages.flatMap((page) => page.dead_letters) ?? [];
  const groups = grouped(lines);
  return (
    <Page title={t.nav.failed} actions={may('operator') ? <Button onPress={() => setBulk(true)}>{t.failed.bulk}</Button> : null}>
      {query.error ? <ProblemBox error={query.error} retry={() => void query.refetch()} /> : null}
      {query.isPending ? <Busy /> : null}
      {query.data && groups.length === 0 ? (
        <Empty title={t.failed.none}>
          <p>{t.failed.noneText}</p>
        </Empty>
      ) : null}
      {groups.map((group) => (
        <GroupPanel key={group.key} group={group} />
      ))}
      {query.hasNextPage ? (
        <Button onPress={() => void query.fetchNextPage()} isDisabled={query.isFetchingNextPage}>
          {t.common.more}
        </Button>
      ) : null}
      {bulk ? <Bulk onClose={() => setBulk(false)} /> : null}
    </Page>
  );
}

type Deed = 'retry' | 'dismiss';

function GroupPanel({ group }: { group: Group }) {
  const { t } = useText();
  const { may } = useWho();
  const client = useQueryClient();
  const [asked, ask] = useState<Deed | null>(null);
  const [on, setOn] = useState('newest');
  const [done, setDone] = useState(0);
  /** One after the other, so that a group of hundreds is no flood; the first that cannot be done is said, the rest goes on. */
  const all = async (deed: Deed) => {
    const wrong: unknown[] = [];
    setDone(0);
    for (const run of group.runs) {
      const path = `dead-letters/${run.id}`;
      try {
        if (deed === 'retry') await call(`${path}/retry`, { method: 'POST', body: { on } });
        else await call(path, { method: 'DELETE' });
      } catch (error) {
        // Somebody else has dealt with it.
        if (!(error instanceof Problem && error.code === 'dead_letter_unknown')) wrong.push(error);
      }
      setDone((before) => before + 1);
    }
    touch(client, 'letters', 'runs');
    if (wrong.length > 0) tell('failed', t.failed.some(wrong.length, group.runs.length));
    if (wrong[0]) throw wrong[0];
    tell('done', deed === 'retry' ? t.failed.retried(group.runs.length) : t.failed.dismissed(group.runs.length));
  };
  return (
    <Panel
      flush
      title={
        <>
          {group.workflow} {group.step ? <code>{group.step}</code> : null}
        </>
      }
      actions={
        may('operator') ? (
          <>
            <Button kind="primary" onPress={() => ask('retry')}>{t.failed.retryAll(group.runs.length)}</Button>
            <Button onPress={() => ask('dismiss')}>{t.failed.dismiss}</Button>
          </>
        ) : null
      }
    >
      <div style={{ padding: '10px 14px', display: 'grid', gap: 4 }}>
        <p>
          <strong className={ui.red}>{(t.faults as Record<string, string>)[group.code] ?? group.code}</strong> <Strange text={group.message} />
        </p>
        <p className={`${ui.muted} ${ui.small}`}>
          {t.failed.count(group.runs.length)} · {t.failed.last} <When at={group.last} />
          {group.runs.length > 1 ? <> · {t.failed.first} <When at={group.first} /></> : null}
        </p>
      </div>
      <RunTable runs={group.runs.slice(0, 5)} without="workflow" bare />
      <Ask open={asked === 'retry'} onClose={() => ask(null)} title={t.failed.retryTitle} action={t.failed.retryAll(group.runs.length)} onAction={() => all('retry')}>
        <p>{t.failed.retryText}</p>
        <Field label={t.run.onVersion}>
          <select className={ui.select} value={on} onChange={(event) => setOn(event.target.value)}>
            <option value="newest">{t.run.newest}</option>
            <option value="same">{t.run.same}</option>
          </select>
        </Field>
        {done > 0 ? <progress max={group.runs.length} value={done} aria-label={t.failed.progress} /> : null}
      </Ask>
      <Ask open={asked === 'dismiss'} onClose={() => ask(null)} title={t.failed.dismissTitle(group.runs.length)} action={t.failed.dismiss} danger onAction={() => all('dismiss')}>
        <p>{t.failed.dismissText}</p>
        {done > 0 ? <progress max={group.runs.length} value={done} aria-label={t.failed.progress} /> : null}
      </Ask>
    </Panel>
  );
}

/** Runs the events of many ended runs once more: first it is said how many those are. */
function Bulk({ onClose }: { onClose: () => void }) {
  const { t } = useText();
  const client = useQueryClient();
  const [workflow, setWorkflow] = useState('');
  const [status, setStatus] = useState('failed');
  const [after, setAfter] = useState('');
  const [on, setOn] = useState('newest');
  const [found, setFound] = useState<BulkReplay | null>(null);
  const body = { ...(workflow ? { workflow } : {}), status, ...(after ? { after: new Date(after).toISOString() } : {}), on, limit: 1000 };
  const dry = async () => setFound(await call<BulkReplay>('runs/replay', { method: 'POST', body: { ...body, dry_run: true } }));
  const act = async (): Promise<void | 'stay'> => {
    if (!found) {
      // The dialog stays: now it says how many.
      await dry();
      return 'stay';
    }
    const result = await call<BulkReplay>('runs/replay', { method: 'POST', body });
    touch(client, 'runs', 'letters');
    tell(result.failed.length > 0 ? 'failed' : 'done', t.failed.replayed(result.replayed.length, result.failed.length));
  };
  const change = (set: (value: string) => void) => (value: string) => {
    set(value);
    setFound(null);
  };
  const count = found?.replayed.length ?? 0;
  return (
    <Ask open title={t.failed.bulkTitle} onClose={onClose} action={found ? t.failed.replayCount(count) : t.failed.dryRun} disabled={found !== null && count === 0} onAction={act}>
      <p className={ui.muted}>{t.failed.bulkText}</p>
      <Field label={t.runs.workflow}>
        <WorkflowFilter value={workflow} onChange={change(setWorkflow)} />
      </Field>
      <Field label={t.runs.status}>
        <select className={ui.select} value={status} onChange={(event) => change(setStatus)(event.target.value)}>
          {(['failed', 'cancelled', 'succeeded'] as const).map((each) => (
            <option key={each} value={each}>{t.status[each]}</option>
          ))}
        </select>
      </Field>
      <Field label={t.failed.after}>
        <input className={ui.input} type="datetime-local" value={after} onChange={(event) => change(setAfter)(event.target.value)} />
      </Field>
      <Field label={t.run.onVersion}>
        <select className={ui.select} value={on} onChange={(event) => change(setOn)(event.target.value)}>
          <option value="newest">{t.run.newest}</option>
          <option value="same">{t.run.same}</option>
        </select>
      </Field>
      {found ? <p role="status"><strong>{t.failed.would(count, found.next !== null)}</strong></p> : null}
    </Ask>
  );
}
