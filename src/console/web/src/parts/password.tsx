import { type ReactNode, useState } from 'react';

import { hasToken } from '../api/client';
import { useText } from '../i18n';
import { css as ui, Field } from './ui';

interface Own {
  /** The field; nothing for who has a token. */
  field: ReactNode;
  missing: boolean;
  /** What the body of the request gets. */
  body: { password?: string };
}

/** Your own password: the server asks for it again before people, tokens and keys change. */
export function useOwnPassword(): Own {
  const { t } = useText();
  const [password, setPassword] = useState('');
  if (hasToken()) return { field: null, missing: false, body: {} };
  const field = (
    <Field label={t.login.own} hint={t.login.ownHint}>
      <input className={ui.input} type="password" value={password} autoComplete="current-password" onChange={(event) => setPassword(event.target.value)} />
    </Field>
  );
  return { field, missing: password === '', body: { password } };
}
