import {
  Activity, CircleHelp, Ellipsis, FileWarning, HeartPulse, Inbox, KeyRound, Languages, ListTree, Puzzle, Search, Settings, Workflow as WorkflowIcon,
} from 'lucide-react';
import { lazy, type ReactNode, Suspense, useEffect, useRef, useState } from 'react';
import { Link, useLocation } from 'wouter';

import { useEvents, useLive } from '../api/live';
import { useLetters, useQuestions } from '../api/queries';
import { useText } from '../i18n';
import { commandOf } from '../lib/commands';
import { commandKey, composing, takesLetters } from '../lib/keys';
import { singleKeys } from '../lib/look';
import css from './shell.module.css';
import { Button, Strange, toneStyle } from './ui';

const Palette = lazy(async () => ({ default: (await import('./palette')).Palette }));
const KeySheet = lazy(async () => ({ default: (await import('./palette')).KeySheet }));

export const pages = [
  { name: 'workflows', path: '/workflows', key: 'w', icon: WorkflowIcon, words: 'flows 工作流' },
  { name: 'runs', path: '/runs', key: 'r', icon: ListTree, words: 'executions history 运行 执行历史' },
  { name: 'requests', path: '/requests', key: 'q', icon: Inbox, words: 'webhooks log 请求' },
  { name: 'failed', path: '/failed', key: 'f', icon: FileWarning, words: 'dead letters errors 失败' },
  { name: 'questions', path: '/questions', key: 'a', icon: CircleHelp, words: 'approvals ask 审批 问题' },
  { name: 'plugins', path: '/plugins', key: 'p', icon: Puzzle, words: 'wasm nodes 插件 节点' },
  { name: 'secrets', path: '/secrets', key: 's', icon: KeyRound, words: 'credentials 密钥' },
  { name: 'health', path: '/health', key: 'h', icon: HeartPulse, words: 'status ready 健康' },
  { name: 'settings', path: '/settings', key: ',', icon: Settings, words: 'people tokens audit look 设置 用户 令牌 审计' },
] as const;

const BOTTOM = ['workflows', 'runs', 'requests', 'failed'];

export function Shell({ children }: { children: ReactNode }) {
  const { t, language, speak } = useText();
  const [path, go] = useLocation();
  const [palette, setPalette] = useState(false);
  const [sheet, setSheet] = useState(false);
  const live = useLive();
  useEvents(true);
  const letters = useLetters();
  const questions = useQuestions();
  const counts: Record<string, { count: number; tone: 'failed' | 'waiting' }> = {
    failed: { count: letters.data?.pages.reduce((sum, page) => sum + page.dead_letters.length, 0) ?? 0, tone: 'failed' },
    questions: { count: questions.data?.questions.length ?? 0, tone: 'waiting' },
  };

  const pending = useRef(0);
  useEffect(() => {
    const keys = (event: KeyboardEvent) => {
      if (composing(event)) return;
      if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        setPalette(true);
        return;
      }
      if (event.metaKey || event.ctrlKey || event.altKey || takesLetters(event.target) || !singleKeys()) return;
      if (document.querySelector('[role="dialog"]')) return;
      if (Date.now() - pending.current < 1200) {
        pending.current = 0;
        const page = pages.find((each) => each.key === event.key);
        if (page) go(page.path);
        return;
      }
      if (event.key === 'g') pending.current = Date.now();
      else if (event.key === '?') setSheet(true);
      else {
        const command = commandOf(event.key);
        if (!command) return;
        event.preventDefault();
        command.run();
      }
    };
    addEventListener('keydown', keys);
    return () => removeEventListener('keydown', keys);
  }, [go]);

  const current = (page: string) => (path === page || path.startsWith(`${page}/`) ? { 'aria-current': 'page' as const } : {});
  const tone = live === 'streaming' ? 'succeeded' : live === 'polling' ? 'running' : 'queued';
  return (
    <div className={css.shell}>
      <a className={css.skip} href="#main" onClick={(event) => { event.preventDefault(); document.getElementById('main')?.focus(); }}>
        {t.shell.skip}
      </a>
      <nav className={css.rail} aria-label={t.shell.navigation}>
        <Link href="/workflows" className={css.brand} aria-label="Flowcell">
          <Activity size={22} aria-hidden />
          <span>Flowcell</span>
        </Link>
        <ul>
          {pages.map((page) => (
            <li key={page.name}>
              <Link href={page.path} className={css.entry} {...current(page.path)} title={t.nav[page.name]}>
                <page.icon size={18} aria-hidden />
                <span>{t.nav[page.name]}</span>
                <Count of={counts[page.name]} />
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <div className={css.page}>
        <header className={css.top}>
          <button type="button" className={css.find} onClick={() => setPalette(true)} aria-haspopup="dialog">
            <Search size={16} aria-hidden />
            <span>{t.shell.find}</span>
            <kbd>{commandKey}K</kbd>
          </button>
          <span className={css.live} style={toneStyle(tone)} title={t.live[live]}>
            <span>{t.live[live]}</span>
          </span>
          <Button kind="quiet" icon={<Languages size={16} />} label={t.shell.otherLanguage} onPress={() => speak(language === 'en' ? 'zh' : 'en')}>
            <span lang={language === 'en' ? 'zh-Hans' : 'en'}>{language === 'en' ? '中文' : 'English'}</span>
          </Button>
        </header>
        <main id="main" className={css.main} tabIndex={-1}>
          {children}
        </main>
      </div>
      <nav className={css.bottom} aria-label={t.shell.navigation}>
        {pages
          .filter((page) => BOTTOM.includes(page.name))
          .map((page) => (
            <Link key={page.name} href={page.path} {...current(page.path)}>
              <page.icon size={20} aria-hidden />
              <span>{t.nav[page.name]}</span>
            </Link>
          ))}
        <button type="button" onClick={() => setPalette(true)} aria-haspopup="dialog">
          <Ellipsis size={20} aria-hidden />
          <span>{t.nav.more}</span>
        </button>
      </nav>
      <Suspense>
        {palette ? <Palette open onClose={() => setPalette(false)} /> : null}
        {sheet ? <KeySheet open onClose={() => setSheet(false)} /> : null}
      </Suspense>
    </div>
  );
}

function Count({ of }: { of: { count: number; tone: 'failed' | 'waiting' } | undefined }) {
  if (!of || of.count === 0) return null;
  return (
    <span className={css.count} style={toneStyle(of.tone)}>
      {of.count > 99 ? '99+' : of.count}
    </span>
  );
}

/** The path whose page has the focus; a page that is shown anew, as when its data comes, does not take it again. */
let entered: string | null = null;

/** A page: its title is the title of the document, and the focus goes to it when the page is entered. */
export function Page({ title, crumb, status, actions, children }: { title: string; crumb?: [string, string]; status?: ReactNode; actions?: ReactNode; children: ReactNode }) {
  const [path] = useLocation();
  useEffect(() => {
    document.title = `${title} · Flowcell`;
  }, [title]);
  useEffect(() => {
    // At the first page the browser has its own place.
    if (entered !== null && entered !== path) document.getElementById('main')?.focus({ preventScroll: true });
    entered = path;
  }, [path]);
  return (
    <>
      <div className={css.title}>
        {crumb ? (
          <h1>
            <Link href={crumb[0]} className={css.crumb}>
              {crumb[1]}
            </Link>
            <span className={css.crumb} aria-hidden>
              {' / '}
            </span>
            <Strange text={title} />
          </h1>
        ) : (
          <h1>
            <Strange text={title} />
          </h1>
        )}
        {status}
        {actions ? <div className={css.actions}>{actions}</div> : null}
      </div>
      {children}
    </>
  );
}

export const filtersClass: string = css.filters ?? '';
