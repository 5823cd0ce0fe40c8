import { useQueryClient } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { useState } from 'react';

import { call } from '../api/client';
import { touch, useSecrets } from '../api/queries';
import type { Secret } from '../api/types';
import { useText } from '../i18n';
import { Ask } from '../parts/dialog';
import { useOwnPassword } from '../parts/password';
import { Page } from '../parts/shell';
import { type Column, Table } from '../parts/table';
import { tell } from '../parts/toasts';
import { Busy, Button, css as ui, Empty, Field, ProblemBox, When } from '../parts/ui';
import { useWho } from '../who';

const nameOf = (secret: Secret) => secret.name;

type Doing = { deed: 'set'; name: string } | { deed: 'remove'; name: string } | { deed: 'rotate' };

export function Secrets() {
  const { t } = useText();
  const { may } = useWho();
  const client = useQueryClient();
  const query = useSecrets();
  const [doing, setDoing] = useState<Doing | null>(null);
  const admin = may('admin');
  const columns: Column<Secret>[] = [
    { name: t.secrets.name, width: 'minmax(140px, 1fr)', cell: (it) => <span className={ui.mono}>{it.name}</span> },
    { name: t.secrets.set, width: '140px', cell: (it) => <span className={ui.muted}><When at={it.set} /></span> },
    { name: t.secrets.key, width: '110px', narrow: 'away', cell: (it) => <span className={`${ui.mono} ${ui.muted}`}>{it.key_id}</span> },
    ...(admin
      ? [
          {
            name: t.secrets.actions,
            width: '190px',
            narrow: 'wide' as const,
            cell: (it: Secret) => (
              <div className={ui.row}>
                <Button onPress={() => setDoing({ deed: 'set', name: it.name })} aria-label={`${t.secrets.change} ${it.name}`}>{t.secrets.change}</Button>
                <Button kind="danger" onPress={() => setDoing({ deed: 'remove', name: it.name })} aria-label={`${t.secrets.remove} ${it.name}`}>{t.secrets.remove}</Button>
              </div>
            ),
          },
        ]
      : []),
  ];
  const remove = async (name: string) => {
    await call(`secrets/${encodeURIComponent(name)}`, { method: 'DELETE' });
    tell('done', t.secrets.removed);
    touch(client, 'secrets');
  };
  const secrets = query.data?.secrets ?? [];
  return (
    <Page
      title={t.nav.secrets}
      actions={
        admin ? (
          <>
            {secrets.length > 0 ? <Button onPress={() => setDoing({ deed: 'rotate' })}>{t.secrets.rotate}</Button> : null}
            <Button kind="primary" icon={<Plus size={16} />} onPress={() => setDoing({ deed: 'set', name: '' })}>{t.secrets.add}</Button>
          </>
        ) : null
      }
    >
      <p className={ui.muted}>{t.secrets.text}</p>
      {query.error ? <ProblemBox error={query.error} retry={() => void query.refetch()} /> : null}
      {query.isPending ? <Busy /> : null}
      {query.data && secrets.length === 0 ? (
        <Empty title={t.secrets.none}>
          <p>{t.secrets.noneText}</p>
        </Empty>
      ) : null}
      {secrets.length > 0 ? <Table label={t.nav.secrets} columns={columns} items={secrets} id={nameOf} /> : null}
      {query.data?.key_id ? <p className={`${ui.muted} ${ui.small}`}>{t.secrets.keyId(query.data.key_id)}</p> : null}
      {doing?.deed === 'set' ? <SetSecret name={doing.name} onClose={() => setDoing(null)} /> : null}
      {doing?.deed === 'remove' ? (
        <Ask open onClose={() => setDoing(null)} title={t.secrets.removeTitle(doing.name)} action={t.secrets.remove} danger onAction={() => remove(doing.name)}>
          <p>{t.secrets.removeText}</p>
        </Ask>
      ) : null}
      {doing?.deed === 'rotate' ? (
        <Rotate onClose={() => setDoing(null)} />
      ) : null}
    </Page>
  );
}

function Rotate({ onClose }: { onClose: () => void }) {
  const { t } = useText();
  const client = useQueryClient();
  const own = useOwnPassword();
  const rotate = async () => {
    const { rotated } = await call<{ rotated: number }>('secrets/rotate', { method: 'POST', body: own.body });
    tell('done', t.secrets.rotated(rotated));
    touch(client, 'secrets');
  };
  return (
    <Ask open onClose={onClose} title={t.secrets.rotate} action={t.secrets.rotate} disabled={own.missing} onAction={rotate}>
      <p>{t.secrets.rotateText}</p>
      {own.field}
    </Ask>
  );
}

function SetSecret({ name: given, onClose }: { name: string; onClose: () => void }) {
  const { t } = useText();
  const client = useQueryClient();
  const [name, setName] = useState(given);
  const [value, setValue] = useState('');
  const set = async () => {
    await call(`secrets/${encodeURIComponent(name)}`, { method: 'PUT', body: { value } });
    setValue('');
    tell('done', t.secrets.saved(name));
    touch(client, 'secrets', 'workflows');
  };
  return (
    <Ask open onClose={onClose} title={given ? t.secrets.changeTitle(given) : t.secrets.addTitle} action={t.secrets.save} disabled={name === '' || value === ''} onAction={set}>
      {given ? null : (
        <Field label={t.secrets.name} hint={t.secrets.nameHint}>
          <input className={ui.input} value={name} onChange={(event) => setName(event.target.value)} autoComplete="off" spellCheck={false} />
        </Field>
      )}
      <Field label={t.secrets.value} hint={t.secrets.valueHint}>
        <input className={ui.input} type="password" value={value} onChange={(event) => setValue(event.target.value)} autoComplete="off" spellCheck={false} />
      </Field>
    </Ask>
  );
}
