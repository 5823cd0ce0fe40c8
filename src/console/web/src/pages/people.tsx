import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import { call } from '../api/client';
import { touch, useNewer } from '../api/queries';
import type { Role } from '../api/types';
import { useText } from '../i18n';
import { Ask } from '../parts/dialog';
import { useOwnPassword } from '../parts/password';
import { type Column, Table } from '../parts/table';
import { tell } from '../parts/toasts';
import { Button, css as ui, Field, When } from '../parts/ui';
import { useWho } from '../who';
import { Newer } from './newer';

interface Person {
  name: string;
  role: Role;
  payloads?: boolean;
  /** When they were last here. */
  seen?: string | null;
}

type Doing = { deed: 'add' } | { deed: 'change' | 'remove'; person: Person };

const nameOf = (person: Person) => person.name;
const ROLES: Role[] = ['viewer', 'operator', 'editor', 'admin'];

export function People() {
  const { t } = useText();
  const { may } = useWho();
  const query = useNewer<{ people: Person[] }>('people');
  const [doing, setDoing] = useState<Doing | null>(null);
  const done = () => setDoing(null);
  const actions: Column<Person> = {
    name: t.secrets.actions,
    width: '210px',
    narrow: 'wide',
    cell: (it) => (
      <span className={ui.row}>
        <Button aria-label={`${t.people.change} ${it.name}`} onPress={() => setDoing({ deed: 'change', person: it })}>{t.people.change}</Button>
        <Button kind="danger" aria-label={`${t.people.remove} ${it.name}`} onPress={() => setDoing({ deed: 'remove', person: it })}>{t.people.remove}</Button>
      </span>
    ),
  };
  const columns: Column<Person>[] = [
    { name: t.people.name, width: 'minmax(120px, 1fr)', cell: (it) => it.name },
    { name: t.people.role, width: '140px', cell: (it) => t.role[it.role] ?? it.role },
    { name: t.people.payloads, width: '120px', narrow: 'away', cell: (it) => (it.payloads ? t.common.yes : t.common.no) },
    { name: t.people.seen, width: '120px', narrow: 'away', cell: (it) => (it.seen ? <When at={it.seen} /> : t.common.never) },
    ...(may('admin') ? [actions] : []),
  ];
  return (
    <Newer query={query} what={t.newer.people}>
      {(data) => (
        <div className={ui.stack}>
          {may('admin') ? <div className={ui.row}><Button kind="primary" onPress={() => setDoing({ deed: 'add' })}>{t.people.add}</Button></div> : null}
          {data.people.length > 0 ? <Table label={t.settings.tabs.people} columns={columns} items={data.people} id={nameOf} /> : <p>{t.people.none}</p>}
          {doing?.deed === 'add' ? <Add onClose={done} /> : null}
          {doing?.deed === 'change' ? <Change person={doing.person} onClose={done} /> : null}
          {doing?.deed === 'remove' ? <Remove person={doing.person} onClose={done} /> : null}
        </div>
      )}
    </Newer>
  );
}

function RoleField({ role, onChange }: { role: Role; onChange: (role: Role) => void }) {
  const { t } = useText();
  return (
    <Field label={t.people.role} hint={t.roleText[role]}>
      <select className={ui.select} value={role} onChange={(event) => onChange(event.target.value as Role)}>
        {ROLES.map((each) => (
          <option key={each} value={each}>{t.role[each]}</option>
        ))}
      </select>
    </Field>
  );
}

/** Whether a viewer sees payloads; all other roles do. */
function PayloadsField({ role, payloads, onChange }: { role: Role; payloads: boolean; onChange: (payloads: boolean) => void }) {
  const { t } = useText();
  if (role !== 'viewer') return null;
  return (
    <label className={ui.row}>
      <input type="checkbox" checked={payloads} onChange={(event) => onChange(event.target.checked)} />
      {t.people.payloads}
    </label>
  );
}

function Add({ onClose }: { onClose: () => void }) {
  const { t } = useText();
  const client = useQueryClient();
  const own = useOwnPassword();
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const [payloads, setPayloads] = useState(false);
  const add = async () => {
    await call('people', { method: 'POST', body: { name, role, payloads, new_password: password, ...own.body } });
    tell('done', t.people.added);
    touch(client, 'newer');
  };
  return (
    <Ask open onClose={onClose} title={t.people.add} action={t.people.add} disabled={name === '' || password === '' || own.missing} onAction={add}>
      <Field label={t.people.name}><input className={ui.input} value={name} autoComplete="off" onChange={(event) => setName(event.target.value)} /></Field>
      <Field label={t.people.password} hint={t.login.passwordHint}><input className={ui.input} type="password" value={password} autoComplete="new-password" onChange={(event) => setPassword(event.target.value)} /></Field>
      <RoleField role={role} onChange={setRole} />
      <PayloadsField role={role} payloads={payloads} onChange={setPayloads} />
      {own.field}
    </Ask>
  );
}

function Change({ person, onClose }: { person: Person; onClose: () => void }) {
  const { t } = useText();
  const client = useQueryClient();
  const own = useOwnPassword();
  const [role, setRole] = useState<Role>(person.role);
  const [payloads, setPayloads] = useState(person.payloads ?? false);
  const [password, setPassword] = useState('');
  const change = async () => {
    const more = { ...(role === 'viewer' ? { payloads } : {}), ...(password === '' ? {} : { new_password: password }) };
    await call(`people/${encodeURIComponent(person.name)}`, { method: 'PATCH', body: { role, ...more, ...own.body } });
    tell('done', t.people.changed);
    touch(client, 'newer');
  };
  return (
    <Ask open onClose={onClose} title={t.people.changeTitle(person.name)} action={t.people.change} disabled={own.missing} onAction={change}>
      <RoleField role={role} onChange={setRole} />
      <PayloadsField role={role} payloads={payloads} onChange={setPayloads} />
      <Field label={t.people.newPassword} hint={t.people.newPasswordHint}><input className={ui.input} type="password" value={password} autoComplete="new-password" onChange={(event) => setPassword(event.target.value)} /></Field>
      <p className={ui.muted}>{t.people.changeText}</p>
      {own.field}
    </Ask>
  );
}

function Remove({ person, onClose }: { person: Person; onClose: () => void }) {
  const { t } = useText();
  const client = useQueryClient();
  const own = useOwnPassword();
  const remove = async () => {
    await call(`people/${encodeURIComponent(person.name)}`, { method: 'DELETE', body: own.body });
    tell('done', t.people.removed);
    touch(client, 'newer');
  };
  return (
    <Ask open onClose={onClose} title={t.people.removeTitle(person.name)} action={t.people.remove} danger disabled={own.missing} onAction={remove}>
      <p>{t.people.removeText}</p>
      {own.field}
    </Ask>
  );
}
