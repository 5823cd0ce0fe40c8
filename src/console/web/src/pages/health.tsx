import { CircleAlert, CircleCheck } from 'lucide-react';

import { useHealth, useReady, useStats, useWorkflows } from '../api/queries';
import type { HealthProblem } from '../api/types';
import { useText } from '../i18n';
import { bytes, count } from '../lib/units';
import { HourBars } from '../parts/bars';
import { JsonView } from '../parts/json';
import { Page } from '../parts/shell';
import { Busy, css as ui, Fact, Facts, Panel, ProblemBox, Strange, toneStyle } from '../parts/ui';
import { stateOf } from '../lib/state';

export function Health() {
  const { t, locale } = useText();
  const ready = useReady();
  const health = useHealth();
  const stats = useStats();
  const workflows = useWorkflows();
  const wrong = (workflows.data ?? []).filter((workflow) => stateOf(workflow) === 'wrong' || (workflow.problems?.length ?? 0) > 0);
  const paused = (workflows.data ?? []).filter((workflow) => workflow.paused);
  const problems: HealthProblem[] = [
    ...(ready.data && !ready.data.ready ? [{ code: ready.data.code ?? 'not_ready', severity: 'error', message: ready.data.why ?? '', remedy: null }] : []),
    ...(health.data?.problems ?? []),
    ...(health.data ? [] : wrong.map((workflow) => ({ code: workflow.key, severity: 'error', message: workflow.problems?.[0]?.message ?? t.state.wrong, remedy: null }))),
  ];
  const told = health.data?.figures ?? {};
  const figures = FIGURES.flatMap((name) => (typeof told[name] === 'number' ? [[name, told[name]] as const] : []));
  return (
    <Page title={t.nav.health}>
      {ready.error ? <ProblemBox error={ready.error} retry={() => void ready.refetch()} /> : null}
      {ready.isPending ? <Busy /> : null}
      {ready.data && problems.length === 0 ? (
        <div className={ui.problem} style={toneStyle('succeeded')}>
          <CircleCheck size={18} aria-hidden />
          <div>
            <strong>{t.health.fine}</strong>
            <p className={ui.muted}>{t.health.fineText}</p>
          </div>
        </div>
      ) : null}
      {problems.map((problem) => (
        <div key={`${problem.code} ${problem.message}`} className={ui.problem} style={toneStyle(problem.severity === 'error' ? 'failed' : 'waiting')}>
          <CircleAlert size={18} aria-hidden />
          <div>
            <strong>{(t.problems as Record<string, string>)[problem.code] ?? problem.code}</strong>
            <p><Strange text={problem.message} /></p>
            {problem.remedy ? <p><Strange text={problem.remedy} /></p> : null}
          </div>
        </div>
      ))}
      {ready.data ? (
        <Panel title={t.health.now}>
          <Facts>
            <Fact name={t.health.accepts}>{ready.data.ready ? t.common.yes : t.common.no}</Fact>
            <Fact name={t.health.pending}>{count(ready.data.pending_runs, locale)}</Fact>
            <Fact name={t.health.waiting}>{count(ready.data.waiting_runs, locale)}</Fact>
            <Fact name={t.health.waitingBytes}>{bytes(ready.data.waiting_bytes, locale)}</Fact>
            <Fact name={t.health.workflows}>{workflows.data ? count(workflows.data.length, locale) : '—'}</Fact>
            <Fact name={t.health.paused}>{paused.length === 0 ? t.common.none : paused.map((workflow) => workflow.title || workflow.key).join(', ')}</Fact>
          </Facts>
        </Panel>
      ) : null}
      {stats.data ? (
        <Panel title={t.chart.title}>
          <HourBars hours={stats.data.hours} />
        </Panel>
      ) : null}
      {health.data ? (
        <Panel title={t.health.figures}>
          {figures.length > 0 ? (
            <Facts>
              {figures.map(([name, value]) => (
                <Fact key={name} name={t.health.names[name]}>{name.endsWith('bytes') ? bytes(value, locale) : count(value, locale)}</Fact>
              ))}
            </Facts>
          ) : null}
          <details>
            <summary>{t.health.all}</summary>
            <JsonView value={health.data.figures} label={t.health.figures} file="health" />
          </details>
        </Panel>
      ) : health.isSuccess ? (
        <p className={ui.muted}>{t.health.older}</p>
      ) : null}
    </Page>
  );
}

/** The figures that are shown by name; all of them stand below. */
const FIGURES = [
  'running_runs', 'store_disk_bytes', 'store_history_bytes', 'store_free_bytes', 'process_resident_memory_bytes', 'sandbox_memory_used_bytes',
  'sandbox_script_slots_used', 'sandbox_waiting',
] as const;
