import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import { call } from '../api/client';
import { touch, useNewer } from '../api/queries';
import type { Role } from '../api/types';
import { useText } from '../i18n';
import { Ask } from '../parts/dialog';
import { type Column, Table } from '../parts/table';
import { tell } from '../parts/toasts';
import { Button, css as ui, Field } from '../parts/ui';
import { useWho } from '../who';
import { Newer } from './newer';

interface Person {
  name: string;
  role: Role;
  payloads?: boolean;
}

const nameOf = (person: Person) => person.name;
const ROLES: Role[] = ['viewer', 'operator', 'editor', 'admin'];

export function People() {
  const { t } = useText();
  const { may } = useWho();
  const client = useQueryClient();
  const query = useNewer<{ people: Person[] } | Person[]>('people');
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<string | null>(null);
  const columns: Column<Person>[] = [
    { name: t.people.name, width: 'minmax(120px, 1fr)', cell: (it) => it.name },
    { name: t.people.role, width: '140px', cell: (it) => t.role[it.role] ?? it.role },
    { name: t.people.payloads, width: '140px', narrow: 'away', cell: (it) => (it.payloads ? t.common.yes : t.common.no) },
    ...(may('admin') ? [{ name: t.secrets.actions, width: '120px', narrow: 'wide' as const, cell: (it: Person) => <Button kind="danger" aria-label={`${t.people.remove} ${it.name}`} onPress={() => setRemoving(it.name)}>{t.people.remove}</Button> }] : []),
  ];
  const remove = async (name: string) => {
    await call(`people/${encodeURIComponent(name)}`, { method: 'DELETE' });
    tell('done', t.people.removed);
    touch(client, 'newer');
  };
  return (
    <Newer query={query} what={t.newer.people}>
      {(data) => (
        <div className={ui.stack}>
          {may('admin') ? <div className={ui.row}><Button kind="primary" onPress={() => setAdding(true)}>{t.people.add}</Button></div> : null}
          <Table label={t.settings.tabs.people} columns={columns} items={Array.isArray(data) ? data : data.people} id={nameOf} />
          {adding ? <Add onClose={() => setAdding(false)} /> : null}
          {removing ? (
            <Ask open onClose={() => setRemoving(null)} title={t.people.removeTitle(removing)} action={t.people.remove} danger onAction={() => remove(removing)}>
              <p>{t.people.removeText}</p>
            </Ask>
          ) : null}
        </div>
      )}
    </Newer>
  );
}

function Add({ onClose }: { onClose: () => void }) {
  const { t } = useText();
  const client = useQueryClient();
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const add = async () => {
    await call('people', { method: 'POST', body: { name, password, role } });
    tell('done', t.people.added);
    touch(client, 'newer');
  };
  return (
    <Ask open onClose={onClose} title={t.people.add} action={t.people.add} disabled={name === '' || password === ''} onAction={add}>
      <Field label={t.people.name}><input className={ui.input} value={name} autoComplete="off" onChange={(event) => setName(event.target.value)} /></Field>
      <Field label={t.login.password} hint={t.login.passwordHint}><input className={ui.input} type="password" value={password} autoComplete="new-password" onChange={(event) => setPassword(event.target.value)} /></Field>
      <Field label={t.people.role} hint={t.roleText[role]}>
        <select className={ui.select} value={role} onChange={(event) => setRole(event.target.value as Role)}>
          {ROLES.map((each) => (
            <option key={each} value={each}>{t.role[each]}</option>
          ))}
        </select>
      </Field>
    </Ask>
  );
}
