import { Activity, Languages } from 'lucide-react';
import { type FormEvent, useEffect, useState } from 'react';

import { enterToken, logIn, setUp, type Who } from '../api/session';
import { useText } from '../i18n';
import { basePath } from '../lib/place';
import { Button, css as ui, Field, ProblemBox } from '../parts/ui';
import css from './login.module.css';

type Way = 'password' | 'token' | 'setup';

/** The one-time token of the setup link stands in the fragment, which no proxy and no log sees; it is taken out at once. */
function setupToken(): string {
  if (location.pathname !== `${basePath}/setup` || location.hash.length < 2) return '';
  const token = decodeURIComponent(location.hash.slice(1));
  history.replaceState(history.state, '', location.pathname);
  return token;
}
const offered = setupToken();

export function Login({ who, onIn }: { who: Extract<Who, { state: 'out' }>; onIn: () => void }) {
  const { t, language, speak } = useText();
  const first: Way = offered ? 'setup' : who.people && !who.setup ? 'password' : 'token';
  const [way, setWay] = useState<Way>(first);
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [token, setToken] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    document.title = `${t.login.title} · Flowcell`;
  }, [t]);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      if (way === 'token') await enterToken(token.trim());
      else if (way === 'setup') await setUp(offered, name, password);
      else await logIn(name, password);
      onIn();
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <main className={css.page}>
      <div className={css.box}>
        <div className={css.brand}>
          <Activity size={28} aria-hidden />
          <h1>{way === 'setup' ? t.login.setupTitle : t.login.title}</h1>
        </div>
        {who.setup && way !== 'setup' ? <p className={ui.muted}>{t.login.setupNeeded}</p> : null}
        <form className={css.form} onSubmit={(event) => void submit(event)}>
          {way === 'token' ? (
            <Field label={t.login.token} hint={t.login.tokenHint}>
              <input className={ui.input} type="password" value={token} onChange={(event) => setToken(event.target.value)} autoComplete="off" spellCheck={false} required />
            </Field>
          ) : (
            <>
              <Field label={t.login.name}>
                <input className={ui.input} value={name} onChange={(event) => setName(event.target.value)} autoComplete="username" spellCheck={false} required />
              </Field>
              <Field label={t.login.password} {...(way === 'setup' ? { hint: t.login.passwordHint } : {})}>
                <input className={ui.input} type="password" value={password} onChange={(event) => setPassword(event.target.value)} autoComplete={way === 'setup' ? 'new-password' : 'current-password'} required />
              </Field>
            </>
          )}
          {error ? <ProblemBox error={error} /> : null}
          <Button kind="primary" type="submit" isDisabled={busy}>
            {busy ? t.common.working : way === 'setup' ? t.login.create : t.login.enter}
          </Button>
        </form>
        <div className={ui.row}>
          {way !== 'token' ? <Button kind="quiet" onPress={() => setWay('token')}>{t.login.byToken}</Button> : null}
          {way === 'token' && who.people && !who.setup ? <Button kind="quiet" onPress={() => setWay('password')}>{t.login.byPassword}</Button> : null}
          <Button kind="quiet" icon={<Languages size={16} />} label={t.shell.otherLanguage} onPress={() => speak(language === 'en' ? 'zh' : 'en')}>
            <span lang={language === 'en' ? 'zh-Hans' : 'en'}>{language === 'en' ? '中文' : 'English'}</span>
          </Button>
        </div>
      </div>
    </main>
  );
}
