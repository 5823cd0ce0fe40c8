import { Upload } from 'lucide-react';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { FileTrigger } from 'react-aria-components';
import { useLocation } from 'wouter';

import { call } from '../api/client';
import { touch, usePlugins } from '../api/queries';
import type { Plugin, PluginVersion } from '../api/types';
import { useText } from '../i18n';
import { bytes } from '../lib/units';
import { Ask } from '../parts/dialog';
import { Page } from '../parts/shell';
import { type Column, RowLink, Table } from '../parts/table';
import { tell } from '../parts/toasts';
import { Busy, Button, css as ui, Empty, Field, ProblemBox, Status, Strange } from '../parts/ui';
import { useWho } from '../who';

const nameOf = (plugin: Plugin) => plugin.name;

export function Plugins() {
  const { t, locale } = useText();
  const { may } = useWho();
  const query = usePlugins();
  const [file, setFile] = useState<File | null>(null);
  const columns: Column<Plugin>[] = [
    {
      name: t.plugins.name,
      width: 'minmax(160px, 1.5fr)',
      cell: (it) => (
        <RowLink to={`/plugins/${it.name}`}>
          <strong><Strange text={it.title || it.name} /></strong> <span className={`${ui.mono} ${ui.muted}`}>{it.name}</span>
        </RowLink>
      ),
    },
    { name: t.plugins.grants, width: '150px', cell: (it) => <GrantState plugin={it} /> },
    { name: t.plugins.versions, width: 'minmax(100px, 1fr)', narrow: 'wide', cell: (it) => <span className={ui.mono}>{it.versions.slice(-3).reverse().join(', ')}</span> },
    { name: t.plugins.kind, width: '110px', narrow: 'away', cell: (it) => it.kind },
    { name: t.plugins.size, width: '90px', narrow: 'away', end: true, cell: (it) => (it.size === null ? '—' : bytes(it.size, locale)) },
  ];
  return (
    <Page title={t.nav.plugins} actions={may('editor') ? <UploadButton onFile={setFile} /> : null}>
      {query.error ? <ProblemBox error={query.error} retry={() => void query.refetch()} /> : null}
      {query.isPending ? <Busy /> : null}
      {query.data?.length === 0 ? (
        <Empty title={t.plugins.none}>
          <p>{t.plugins.noneText}</p>
        </Empty>
      ) : null}
      {query.data && query.data.length > 0 ? <Table label={t.nav.plugins} columns={columns} items={query.data} id={nameOf} /> : null}
      {file ? <Install file={file} onClose={() => setFile(null)} /> : null}
    </Page>
  );
}

export function GrantState({ plugin }: { plugin: Pick<Plugin, 'asks' | 'missing'> }) {
  const { t } = useText();
  if (plugin.asks.length === 0) return <span className={ui.muted}>{t.plugins.asksNothing}</span>;
  if (plugin.missing.length === 0) return <Status tone="succeeded">{t.plugins.allGranted}</Status>;
  return <Status tone="waiting">{t.plugins.missing(plugin.missing.length)}</Status>;
}

function UploadButton({ onFile }: { onFile: (file: File) => void }) {
  const { t } = useText();
  return (
    <FileTrigger acceptedFileTypes={['.wasm', 'application/wasm']} onSelect={(files) => files?.[0] && onFile(files[0])}>
      <Button kind="primary" icon={<Upload size={16} />}>{t.plugins.upload}</Button>
    </FileTrigger>
  );
}

/** A module is inspected by the server as it is uploaded; it gets no power by that: each is granted by hand. */
function Install({ file, onClose }: { file: File; onClose: () => void }) {
  const { t, locale } = useText();
  const [, go] = useLocation();
  const client = useQueryClient();
  const [name, setName] = useState('');
  const [version, setVersion] = useState('');
  const upload = async () => {
    const answer = await call<{ version: PluginVersion }>('plugins', { method: 'POST', body: file, query: name || version ? { name, version } : {} });
    tell('done', t.plugins.uploaded(answer.version.name, answer.version.version));
    touch(client, 'plugins', 'plugin');
    go(`/plugins/${answer.version.name}`);
  };
  return (
    <Ask open onClose={onClose} title={t.plugins.uploadTitle} action={t.plugins.upload} onAction={upload}>
      <p>
        <code><Strange text={file.name} /></code> · {bytes(file.size, locale)}
      </p>
      <p className={ui.muted}>{t.plugins.uploadText}</p>
      <details>
        <summary>{t.plugins.command}</summary>
        <p className={ui.muted}>{t.plugins.commandText}</p>
        <Field label={t.plugins.name}>
          <input className={ui.input} value={name} onChange={(event) => setName(event.target.value)} spellCheck={false} />
        </Field>
        <Field label={t.plugins.version}>
          <input className={ui.input} value={version} onChange={(event) => setVersion(event.target.value)} placeholder="1.0.0" spellCheck={false} />
        </Field>
      </details>
    </Ask>
  );
}
