import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import { call } from '../api/client';
import { touch, useNewer } from '../api/queries';
import { useText } from '../i18n';
import { Ask } from '../parts/dialog';
import { type Column, Table } from '../parts/table';
import { tell } from '../parts/toasts';
import { Button, css as ui, When } from '../parts/ui';
import { useWho } from '../who';
import { Newer } from './newer';

interface Token {
  id: string;
  name?: string | null;
  scopes?: string[];
  expires?: string | null;
  last_used?: string | null;
}

const idOf = (token: Token) => token.id;

export function Tokens() {
  const { t } = useText();
  const { may } = useWho();
  const client = useQueryClient();
  const query = useNewer<{ tokens: Token[] } | Token[]>('tokens');
  const [removing, setRemoving] = useState<Token | null>(null);
  const columns: Column<Token>[] = [
    { name: t.tokens.name, width: 'minmax(120px, 1fr)', cell: (it) => <>{it.name ?? ''} <code className={ui.muted}>{it.id}</code></> },
    { name: t.tokens.expires, width: '120px', cell: (it) => (it.expires ? <When at={it.expires} /> : t.common.never) },
    { name: t.tokens.scopes, width: 'minmax(140px, 2fr)', narrow: 'wide', cell: (it) => <span className={ui.mono}>{(it.scopes ?? []).join(' ')}</span> },
    { name: t.tokens.used, width: '120px', narrow: 'away', cell: (it) => (it.last_used ? <When at={it.last_used} /> : t.common.never) },
    ...(may('admin') ? [{ name: t.secrets.actions, width: '120px', narrow: 'wide' as const, cell: (it: Token) => <Button kind="danger" aria-label={`${t.tokens.revoke} ${it.name ?? it.id}`} onPress={() => setRemoving(it)}>{t.tokens.revoke}</Button> }] : []),
  ];
  const revoke = async (token: Token) => {
    await call(`tokens/${encodeURIComponent(token.id)}`, { method: 'DELETE' });
    tell('done', t.tokens.revoked);
    touch(client, 'newer');
  };
  return (
    <Newer query={query} what={t.newer.tokens}>
      {(data) => {
        const tokens = Array.isArray(data) ? data : data.tokens;
        return (
          <div className={ui.stack}>
            <p className={ui.muted}>{t.tokens.text}</p>
            {tokens.length > 0 ? <Table label={t.settings.tabs.tokens} columns={columns} items={tokens} id={idOf} /> : <p>{t.tokens.none}</p>}
            {removing ? (
              <Ask open onClose={() => setRemoving(null)} title={t.tokens.revokeTitle(removing.name ?? removing.id)} action={t.tokens.revoke} danger onAction={() => revoke(removing)}>
                <p>{t.tokens.revokeText}</p>
              </Ask>
            ) : null}
          </div>
        );
      }}
    </Newer>
  );
}
