import { LogOut } from 'lucide-react';
import { useState } from 'react';
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components';
import { useLocation, useParams } from 'wouter';

import { logOut } from '../api/session';
import { useText } from '../i18n';
import { type Theme, setSingleKeys, setTheme, singleKeys, theme } from '../lib/look';
import { Page } from '../parts/shell';
import { tell } from '../parts/toasts';
import { Button, css as ui, Fact, Facts, Field, Panel } from '../parts/ui';
import { useWho } from '../who';
import { Audit } from './audit';
import { People } from './people';
import { Tokens } from './tokens';
import run from './run.module.css';

const TABS = ['look', 'people', 'tokens', 'audit'] as const;

export function Settings() {
  const { t } = useText();
  const { who, again } = useWho();
  const [, go] = useLocation();
  const { tab = 'look' } = useParams<{ tab?: string }>();
  const session = who.state === 'in' ? who.session : null;
  const leave = async () => {
    try {
      await logOut();
    } catch (error) {
      tell('failed', error instanceof Error ? error.message : String(error));
    }
    again();
  };
  return (
    <Page title={t.nav.settings} actions={<Button icon={<LogOut size={16} />} onPress={() => void leave()}>{t.settings.logOut}</Button>}>
      <Facts>
        <Fact name={t.settings.who}>{session ? session.user.name : t.settings.machine}</Fact>
        <Fact name={t.settings.role}>{session ? t.role[session.user.role] : t.role.admin}</Fact>
        {session ? <Fact name={t.settings.server}>{session.server.version}</Fact> : null}
      </Facts>
      <Tabs className={run.tabs ?? ''} selectedKey={(TABS as readonly string[]).includes(tab) ? tab : 'look'} onSelectionChange={(next) => go(next === 'look' ? '/settings' : `/settings/${String(next)}`)}>
        <TabList className={run.tabList ?? ''} aria-label={t.nav.settings}>
          {TABS.map((name) => (
            <Tab key={name} id={name} className={run.tab ?? ''}>
              {t.settings.tabs[name]}
            </Tab>
          ))}
        </TabList>
        <TabPanel id="look"><Look /></TabPanel>
        <TabPanel id="people"><People /></TabPanel>
        <TabPanel id="tokens"><Tokens /></TabPanel>
        <TabPanel id="audit"><Audit /></TabPanel>
      </Tabs>
    </Page>
  );
}

function Look() {
  const { t, language, speak } = useText();
  const [shown, setShown] = useState(theme());
  const [keys, setKeys] = useState(singleKeys());
  return (
    <Panel title={t.settings.tabs.look}>
      <Field label={t.settings.language}>
        <select className={ui.select} value={language} onChange={(event) => speak(event.target.value as 'en' | 'zh')}>
          <option value="en" lang="en">English</option>
          <option value="zh" lang="zh-Hans">简体中文</option>
        </select>
      </Field>
      <Field label={t.settings.theme}>
        <select
          className={ui.select}
          value={shown}
          onChange={(event) => {
            setTheme(event.target.value as Theme);
            setShown(event.target.value as Theme);
          }}
        >
          {(['auto', 'light', 'dark'] as const).map((each) => (
            <option key={each} value={each}>{t.settings.themes[each]}</option>
          ))}
        </select>
      </Field>
      <label className={ui.row} style={{ flexWrap: 'nowrap' }}>
        <input
          type="checkbox"
          checked={keys}
          onChange={(event) => {
            setSingleKeys(event.target.checked);
            setKeys(event.target.checked);
          }}
        />
        <span>{t.settings.keys}</span>
      </label>
    </Panel>
  );
}
