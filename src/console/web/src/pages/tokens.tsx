import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import { call } from '../api/client';
import { touch, useNewer } from '../api/queries';
import { useText } from '../i18n';
import { Actions, Ask, Dialog } from '../parts/dialog';
import { useOwnPassword } from '../parts/password';
import { type Column, Table } from '../parts/table';
import { tell } from '../parts/toasts';
import { Button, Copy, css as ui, Field, When } from '../parts/ui';
import { useWho } from '../who';
import { Newer } from './newer';

interface Token {
  id: string;
  name: string;
  scopes: string[];
  prefix?: string | null;
  expires?: string | null;
  used?: string | null;
}

/** What tokens may do, as the server names it. */
const SCOPES = [
  'workflows:read', 'workflows:write', 'workflows:publish', 'runs:read', 'runs:control', 'requests:read', 'requests:resend', 'payloads:read',
  'plugins:read', 'plugins:write', 'plugins:grant', 'secrets:read', 'secrets:write', 'kv:read', 'kv:write', 'metrics:read', 'backup', 'admin',
];
const LIVES = ['30d', '90d', '365d', 'never'];
const idOf = (token: Token) => token.id;

export function Tokens() {
  const { t } = useText();
  const { may } = useWho();
  const query = useNewer<{ tokens: Token[] }>('tokens');
  const [removing, setRemoving] = useState<Token | null>(null);
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<string | null>(null);
  const columns: Column<Token>[] = [
    { name: t.tokens.name, width: 'minmax(120px, 1fr)', cell: (it) => <>{it.name} <code className={ui.muted}>{it.id}</code></> },
    { name: t.tokens.expires, width: '120px', cell: (it) => (it.expires ? <When at={it.expires} /> : t.common.never) },
    { name: t.tokens.scopes, width: 'minmax(140px, 2fr)', narrow: 'wide', cell: (it) => <span className={ui.mono}>{[...it.scopes, ...(it.prefix ? [`${it.prefix}…`] : [])].join(' ')}</span> },
    { name: t.tokens.used, width: '120px', narrow: 'away', cell: (it) => (it.used ? <When at={it.used} /> : t.common.never) },
    ...(may('admin') ? [{ name: t.secrets.actions, width: '120px', narrow: 'wide' as const, cell: (it: Token) => <Button kind="danger" aria-label={`${t.tokens.revoke} ${it.name}`} onPress={() => setRemoving(it)}>{t.tokens.revoke}</Button> }] : []),
  ];
  return (
    <Newer query={query} what={t.newer.tokens}>
      {(data) => (
        <div className={ui.stack}>
          <p className={ui.muted}>{t.tokens.text}</p>
          {may('admin') ? <div className={ui.row}><Button kind="primary" onPress={() => setMaking(true)}>{t.tokens.make}</Button></div> : null}
          {data.tokens.length > 0 ? <Table label={t.settings.tabs.tokens} columns={columns} items={data.tokens} id={idOf} /> : <p>{t.tokens.none}</p>}
          {making ? <Make onClose={() => setMaking(false)} onMade={setMade} /> : null}
          {made ? <Made token={made} onClose={() => setMade(null)} /> : null}
          {removing ? <Revoke token={removing} onClose={() => setRemoving(null)} /> : null}
        </div>
      )}
    </Newer>
  );
}

function Make({ onClose, onMade }: { onClose: () => void; onMade: (token: string) => void }) {
  const { t } = useText();
  const client = useQueryClient();
  const own = useOwnPassword();
  const [name, setName] = useState('');
  const [prefix, setPrefix] = useState('');
  const [life, setLife] = useState('90d');
  const [scopes, setScopes] = useState<string[]>(['workflows:read', 'runs:read', 'requests:read']);
  const make = async () => {
    const body = { name, scopes, expires_in: life, ...(prefix === '' ? {} : { prefix }), ...own.body };
    const { token } = await call<{ token: string }>('tokens', { method: 'POST', body });
    touch(client, 'newer');
    onMade(token);
  };
  const toggle = (scope: string, on: boolean) => setScopes((before) => SCOPES.filter((it) => (it === scope ? on : before.includes(it))));
  return (
    <Ask open wide onClose={onClose} title={t.tokens.make} action={t.tokens.make} disabled={name === '' || scopes.length === 0 || own.missing} onAction={make}>
      <Field label={t.tokens.title} hint={t.tokens.titleHint}><input className={ui.input} value={name} autoComplete="off" onChange={(event) => setName(event.target.value)} /></Field>
      <fieldset className={ui.scopes}>
        <legend>{t.tokens.scopes}</legend>
        {SCOPES.map((scope) => (
          <label key={scope}>
            <input type="checkbox" checked={scopes.includes(scope)} onChange={(event) => toggle(scope, event.target.checked)} />
            <code>{scope}</code>
          </label>
        ))}
      </fieldset>
      <Field label={t.tokens.prefix} hint={t.tokens.prefixHint}><input className={ui.input} value={prefix} autoComplete="off" spellCheck={false} onChange={(event) => setPrefix(event.target.value)} /></Field>
      <Field label={t.tokens.expires}>
        <select className={ui.select} value={life} onChange={(event) => setLife(event.target.value)}>
          {LIVES.map((each) => (
            <option key={each} value={each}>{each === 'never' ? t.common.never : t.tokens.days(Number.parseInt(each, 10))}</option>
          ))}
        </select>
      </Field>
      {own.field}
    </Ask>
  );
}

function Made({ token, onClose }: { token: string; onClose: () => void }) {
  const { t } = useText();
  return (
    <Dialog open onClose={onClose} title={t.tokens.made}>
      <p>{t.tokens.madeText}</p>
      <p className={ui.row}><code className={ui.wrap}>{token}</code><Copy text={token} label={t.tokens.copy} /></p>
      <Actions><Button kind="primary" onPress={onClose}>{t.common.close}</Button></Actions>
    </Dialog>
  );
}

function Revoke({ token, onClose }: { token: Token; onClose: () => void }) {
  const { t } = useText();
  const client = useQueryClient();
  const own = useOwnPassword();
  const revoke = async () => {
    await call(`tokens/${encodeURIComponent(token.id)}`, { method: 'DELETE', body: own.body });
    tell('done', t.tokens.revoked);
    touch(client, 'newer');
  };
  return (
    <Ask open onClose={onClose} title={t.tokens.revokeTitle(token.name)} action={t.tokens.revoke} danger disabled={own.missing} onAction={revoke}>
      <p>{t.tokens.revokeText}</p>
      {own.field}
    </Ask>
  );
}
