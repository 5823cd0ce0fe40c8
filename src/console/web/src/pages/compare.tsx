import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';

import { call } from '../api/client';
import type { Json, Run, RunLine } from '../api/types';
import { useText } from '../i18n';
import { type Difference, differences } from '../lib/flat';
import { stepKey } from '../lib/waterfall';
import { Busy, Button, css as ui, Id, Panel, ProblemBox, Strange } from '../parts/ui';
import { useWho } from '../who';
import css from './run.module.css';

/** More places are not read by anybody. */
const MOST = 200;
/** Of values that differ, so much is shown. */
const CUT = 300;

/** Where this run differs from another one: what came in, then step by step. */
export function Compare({ run, other, setOther }: { run: Run; other: string; setOther: (id: string) => void }) {
  const { t } = useText();
  const { payloads } = useWho();
  const good = useQuery({
    queryKey: ['good', run.workflow],
    enabled: run.status === 'failed' && payloads,
    queryFn: async ({ signal }) => (await call<{ runs: RunLine[] }>('runs', { signal, query: { workflow: run.workflow, status: 'succeeded', limit: 1 } })).runs[0]?.id ?? null,
  });
  const candidate = run.origin ?? good.data;
  if (!payloads || (!other && !candidate)) return null;
  if (!other) {
    return (
      <div className={ui.row}>
        {good.data ? <Button onPress={() => setOther(good.data ?? '')}>{t.compare.withGood}</Button> : null}
        {run.origin ? <Button onPress={() => setOther(run.origin ?? '')}>{t.compare.withOrigin}</Button> : null}
      </div>
    );
  }
  return <Differences run={run} other={other} close={() => setOther('')} />;
}

function Differences({ run, other, close }: { run: Run; other: string; close: () => void }) {
  const { t } = useText();
  const query = useQuery({ queryKey: ['run', other], queryFn: ({ signal }) => call<Run>(`runs/${encodeURIComponent(other)}`, { signal }) });
  const found = query.data ? between(query.data, run) : [];
  return (
    <Panel
      title={t.compare.title}
      actions={
        <>
          <Link href={`/runs/${other}`}><Id id={other} /></Link>
          <Button onPress={close}>{t.common.close}</Button>
        </>
      }
    >
      {query.isPending ? <Busy /> : null}
      {query.error ? <ProblemBox error={query.error} /> : null}
      {query.data && found.length === 0 ? <p className={ui.muted}>{t.compare.same}</p> : null}
      {found.length > 0 ? (
        <>
          <p className={ui.muted}>{t.compare.text(found.length, found.length >= MOST)}</p>
          <div className={css.differ}>
            {found.map((it) => (
              <div key={it.pointer}>
                <code><Strange text={it.pointer} /></code>
                <del aria-label={t.compare.other}><code><Strange text={cut(it.before)} /></code></del>
                <ins aria-label={t.compare.here}><code><Strange text={cut(it.after)} /></code></ins>
              </div>
            ))}
          </div>
        </>
      ) : null}
    </Panel>
  );
}

const cut = (value: Json | undefined): string => {
  if (value === undefined) return '—';
  const text = JSON.stringify(value);
  return text.length > CUT ? `${text.slice(0, CUT)}…` : text;
};

/** What came in and what each step gave, as one value; later attempts of a step stand for it. */
const essence = (run: Run): Json => ({
  event: run.context,
  steps: Object.fromEntries(run.steps.map((step) => [stepKey(step.id, step.at), step.error ? { error: { code: step.error.code, message: step.error.message } } : { output: step.output }])),
});

const between = (other: Run, run: Run): Difference[] => differences(essence(other), essence(run), MOST);
