import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Switch } from 'react-aria-components';
import { useLocation, useParams } from 'wouter';

import { call } from '../api/client';
import { touch, usePlugin } from '../api/queries';
import type { PluginDetail, PluginVersion } from '../api/types';
import { useText } from '../i18n';
import { bytes } from '../lib/units';
import { Ask } from '../parts/dialog';
import { JsonView } from '../parts/json';
import { Page } from '../parts/shell';
import { tell } from '../parts/toasts';
import { Busy, Button, css as ui, Exactly, Fact, Facts, Panel, ProblemBox, Strange } from '../parts/ui';
import { useWho } from '../who';
import { GrantState } from './plugins';
import css from './plugin.module.css';

export function PluginPage() {
  const { name = '' } = useParams<{ name: string }>();
  const { t } = useText();
  const query = usePlugin(name);
  if (query.isPending) return <Busy />;
  if (!query.data) {
    return (
      <Page title={name} crumb={['/plugins', t.nav.plugins]}>
        <ProblemBox error={query.error} retry={() => void query.refetch()} />
      </Page>
    );
  }
  return <Shown plugin={query.data} />;
}

function Shown({ plugin }: { plugin: PluginDetail }) {
  const { t } = useText();
  const { may } = useWho();
  const [, go] = useLocation();
  const client = useQueryClient();
  const [removing, setRemoving] = useState(false);
  const versions = [...plugin.versions].reverse();
  const remove = async () => {
    await call(`plugins/${encodeURIComponent(plugin.name)}`, { method: 'DELETE' });
    tell('done', t.plugins.removed);
    touch(client, 'plugins');
    go('/plugins');
  };
  const limits = Object.entries(plugin.limits).filter(([, value]) => value !== null);
  return (
    <Page
      title={plugin.title || plugin.name}
      crumb={['/plugins', t.nav.plugins]}
      status={<GrantState plugin={plugin} />}
      actions={may('admin') ? <Button kind="danger" onPress={() => setRemoving(true)}>{t.plugins.remove}</Button> : null}
    >
      <Panel title={t.plugins.asks}>
        {plugin.asks.length === 0 ? <p className={ui.muted}>{t.plugins.asksNothingText}</p> : plugin.asks.map((ask) => <Grant key={ask} plugin={plugin} ask={ask} />)}
      </Panel>
      {limits.length > 0 ? (
        <Panel title={t.plugins.limits}>
          <Facts>
            {limits.map(([name, value]) => (
              <Fact key={name} name={name}>{String(value)}</Fact>
            ))}
          </Facts>
        </Panel>
      ) : null}
      {versions.map((version) => (
        <Version key={version.version} version={version} />
      ))}
      <Ask open={removing} onClose={() => setRemoving(false)} title={t.plugins.removeTitle(plugin.name)} action={t.plugins.remove} danger onAction={remove}>
        <p>{t.plugins.removeText}</p>
      </Ask>
    </Page>
  );
}

/** One power, in a plain sentence, with its switch. */
function Grant({ plugin, ask }: { plugin: PluginDetail; ask: string }) {
  const { t } = useText();
  const { may } = useWho();
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const granted = !plugin.missing.includes(ask);
  const exactly = plugin.granted.includes(ask);
  const change = async (on: boolean) => {
    setBusy(true);
    try {
      await call(`plugins/${encodeURIComponent(plugin.name)}/grants`, { method: on ? 'POST' : 'DELETE', body: { grants: [ask] } });
    } catch (error) {
      tell('failed', error instanceof Error ? error.message : String(error));
    } finally {
      touch(client, 'plugin', 'plugins');
      setBusy(false);
    }
  };
  const [kind = '', ...rest] = ask.split(':');
  const what = rest.join(':');
  const sentence = kind === 'http' ? t.plugins.http(what) : kind === 'kv' ? t.plugins.kv(what) : kind === 'secret' ? t.plugins.secret(what) : ask;
  return (
    <div className={css.grant}>
      <Switch className={css.switch ?? ''} isSelected={granted} isDisabled={busy || !may('admin') || (granted && !exactly)} onChange={(on) => void change(on)}>
        <span className={css.knob} aria-hidden />
        <span><Strange text={sentence} /></span>
      </Switch>
      <code className={ui.muted}>{ask}</code>
    </div>
  );
}

function Version({ version }: { version: PluginVersion }) {
  const { t, locale } = useText();
  return (
    <Panel title={<code>{version.version}</code>}>
      <Facts>
        <Fact name={t.plugins.kind}>{version.kind}</Fact>
        <Fact name={t.plugins.size}>{bytes(version.size, locale)}</Fact>
        <Fact name={t.plugins.uploadedAt}><Exactly at={version.uploaded} /></Fact>
        <Fact name={t.plugins.hash}><code title={version.hash}>{version.hash.replace(/^sha256:/, '').slice(0, 12)}</code></Fact>
      </Facts>
      {version.input_schema !== null ? (
        <details>
          <summary>{t.plugins.input}</summary>
          <JsonView value={version.input_schema} label={t.plugins.input} file={`${version.name}-input`} />
        </details>
      ) : null}
      {version.output_schema !== null ? (
        <details>
          <summary>{t.plugins.output}</summary>
          <JsonView value={version.output_schema} label={t.plugins.output} file={`${version.name}-output`} />
        </details>
      ) : null}
      {version.examples.length > 0 ? (
        <details>
          <summary>{t.plugins.examples(version.examples.length)}</summary>
          <JsonView value={version.examples} label={t.plugins.examples(version.examples.length)} file={`${version.name}-examples`} />
        </details>
      ) : null}
    </Panel>
  );
}
