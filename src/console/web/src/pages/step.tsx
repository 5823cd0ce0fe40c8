import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components';

import type { RunFault, StepAttempt } from '../api/types';
import { useText } from '../i18n';
import { bytes, count, span } from '../lib/units';
import { stepKey } from '../lib/waterfall';
import { JsonView, LogView } from '../parts/json';
import { css as ui, Exactly, Fact, Facts, Panel, Status, Strange } from '../parts/ui';
import { useWho } from '../who';
import { Fault } from './run';
import css from './run.module.css';

/** One attempt of a step: what it gave, logged, asked for and used. An error that the run has `told` is not told again. */
export function StepDetail({ step, told, tab, setTab }: { step: StepAttempt; told: RunFault | null; tab: string; setTab: (tab: string) => void }) {
  const { t, locale } = useText();
  const { payloads } = useWho();
  const key = stepKey(step.id, step.at);
  const known = step.error !== null && told?.step === step.id && told.message === step.error.message;
  const tabs = [
    ...(step.error && !known ? (['error'] as const) : []),
    ...(payloads && !step.error ? (['output'] as const) : []),
    'logs' as const,
    'calls' as const,
    'limits' as const,
  ];
  const chosen = (tabs as string[]).includes(tab) ? tab : (tabs[0] ?? 'logs');
  const counts: Record<string, number> = { logs: step.logs.length, calls: step.calls.length };
  return (
    <Panel title={<code>{key}</code>} actions={<Status tone={step.status}>{t.status[step.status]}</Status>}>
      <Tabs className={css.tabs ?? ''} selectedKey={chosen} onSelectionChange={(next) => setTab(String(next))}>
        <TabList className={css.tabList ?? ''} aria-label={key}>
          {tabs.map((name) => (
            <Tab key={name} id={name} className={css.tab ?? ''}>
              {t.run.tabs[name]}
              {counts[name] ? ` ${counts[name]}` : ''}
            </Tab>
          ))}
        </TabList>
        <TabPanel id="error">{step.error ? <Fault fault={step.error} /> : null}</TabPanel>
        <TabPanel id="output">
          <JsonView value={step.output} label={t.run.tabs.output} file={key} />
        </TabPanel>
        <TabPanel id="logs">
          {step.logs.length > 0 ? <LogView lines={step.logs} cut={step.log_truncated} /> : <p className={ui.muted}>{t.run.noLogs}</p>}
        </TabPanel>
        <TabPanel id="calls">
          {step.calls.length === 0 ? (
            <p className={ui.muted}>{t.run.noCalls}</p>
          ) : (
            <table className={css.calls}>
              <thead>
                <tr>
                  <th>{t.run.call}</th>
                  <th>{t.run.target}</th>
                  <th>{t.run.took}</th>
                </tr>
              </thead>
              <tbody>
                {step.calls.map((it, index) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: calls have no other name
                  <tr key={index}>
                    <td><code>{it.op}</code></td>
                    <td>
                      <code><Strange text={it.target} /></code>
                      {it.error ? <p className={ui.red}><Strange text={it.error} /></p> : null}
                    </td>
                    <td>{span(it.took_us / 1000)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </TabPanel>
        <TabPanel id="limits">
          <Facts>
            <Fact name={t.run.startedAt}><Exactly at={step.started} /></Fact>
            <Fact name={t.run.attempt}>{step.attempt}</Fact>
            <Fact name={t.run.took}>{span(step.took_us / 1000)}</Fact>
            {step.next_attempt ? <Fact name={t.run.nextAttempt}><Exactly at={step.next_attempt} /></Fact> : null}
            {step.usage ? (
              <>
                <Fact name={t.run.fuel}>{count(step.usage.fuel, locale)}</Fact>
                <Fact name={t.run.memory}>{bytes(step.usage.peak_memory, locale)}</Fact>
                <Fact name={t.run.wall}>{span(step.usage.wall_us / 1000)}</Fact>
                <Fact name={t.run.cpu}>{span(step.usage.cpu_us / 1000)}</Fact>
                <Fact name={t.run.hostCalls}>{count(step.usage.host_calls, locale)}</Fact>
                <Fact name={t.run.bytesIn}>{bytes(step.usage.bytes_in, locale)}</Fact>
                <Fact name={t.run.bytesOut}>{bytes(step.usage.bytes_out, locale)}</Fact>
              </>
            ) : null}
          </Facts>
          {step.usage ? null : <p className={ui.muted}>{t.run.noUsage}</p>}
        </TabPanel>
      </Tabs>
    </Panel>
  );
}
