import { MutationCache, QueryClient, QueryClientProvider, useQueryClient } from '@tanstack/react-query';
import { Component, lazy, type ReactNode, Suspense, useCallback, useEffect, useState } from 'react';
import { Redirect, Route, Router, Switch, useLocation, useParams as usePathParams } from 'wouter';

import { onLoggedOut, Problem } from './api/client';
import { type Who, whoIs } from './api/session';
import { Speaking, useText } from './i18n';
import { pathOf } from './lib/goto';
import { basePath } from './lib/place';
import { Login } from './pages/login';
import { Runs } from './pages/runs';
import { Workflows } from './pages/workflows';
import { Page, Shell } from './parts/shell';
import { Toasts } from './parts/toasts';
import { Busy, Button, Empty, LinkButton, ProblemBox } from './parts/ui';
import { WhoProvider } from './who';

const Workflow = lazy(async () => ({ default: (await import('./pages/workflow')).WorkflowPage }));
const Run = lazy(async () => ({ default: (await import('./pages/run')).RunPage }));
const Requests = lazy(async () => ({ default: (await import('./pages/requests')).Requests }));
const Request = lazy(async () => ({ default: (await import('./pages/request')).RequestPage }));
const Failed = lazy(async () => ({ default: (await import('./pages/failed')).Failed }));
const Questions = lazy(async () => ({ default: (await import('./pages/questions')).Questions }));
const Plugins = lazy(async () => ({ default: (await import('./pages/plugins')).Plugins }));
const Plugin = lazy(async () => ({ default: (await import('./pages/plugin')).PluginPage }));
const Secrets = lazy(async () => ({ default: (await import('./pages/secrets')).Secrets }));
const Health = lazy(async () => ({ default: (await import('./pages/health')).Health }));
const Settings = lazy(async () => ({ default: (await import('./pages/settings')).Settings }));

const client = new QueryClient({
  mutationCache: new MutationCache(),
  defaultOptions: {
    queries: {
      staleTime: 2000,
      gcTime: 10 * 60_000,
      retry: (count, error) => count < 2 && error instanceof Problem && (error.status === 0 || error.status >= 500),
    },
  },
});

export function App() {
  return (
    <QueryClientProvider client={client}>
      <Speaking>
        <Router base={basePath}>
          <Caught>
            <Entrance />
          </Caught>
        </Router>
        <Toasts />
      </Speaking>
    </QueryClientProvider>
  );
}

function Entrance() {
  const { t } = useText();
  const cache = useQueryClient();
  const [who, setWho] = useState<Who | null>(null);
  const [error, setError] = useState<unknown>(null);
  const ask = useCallback(() => {
    setError(null);
    whoIs().then(setWho, setError);
  }, []);
  useEffect(ask, [ask]);
  useEffect(
    () =>
      onLoggedOut(() => {
        // What is on the page stays in the cache; who comes back sees it again.
        setWho((now) => (now?.state === 'in' ? { state: 'out', people: now.session !== null, setup: false } : now));
      }),
    [],
  );
  const left = useCallback(() => {
    cache.clear();
    ask();
  }, [cache, ask]);
  if (error) {
    return (
      <main style={{ padding: 24, maxWidth: 560 }}>
        <h1 className="sr">Flowcell</h1>
        <ProblemBox error={error} retry={ask} />
      </main>
    );
  }
  if (!who) return null;
  return (
    <WhoProvider value={{ who, again: left }}>
      {who.state === 'out' ? (
        <Login who={who} onIn={ask} />
      ) : (
        <Shell>
          <Caught>
            <Suspense fallback={<Busy />}>
              <Pages />
            </Suspense>
          </Caught>
        </Shell>
      )}
      <span hidden>{t.common.loading}</span>
    </WhoProvider>
  );
}

function Pages() {
  return (
    <Switch>
      <Route path="/"><Redirect to="/workflows" replace /></Route>
      <Route path="/login"><Redirect to="/workflows" replace /></Route>
      <Route path="/setup"><Redirect to="/workflows" replace /></Route>
      <Route path="/workflows" component={Workflows} />
      <Route path="/workflows/:key" component={Workflow} />
      <Route path="/runs" component={Runs} />
      <Route path="/runs/:id" component={Run} />
      <Route path="/requests" component={Requests} />
      <Route path="/requests/:id" component={Request} />
      <Route path="/failed" component={Failed} />
      <Route path="/questions" component={Questions} />
      <Route path="/plugins" component={Plugins} />
      <Route path="/plugins/:name" component={Plugin} />
      <Route path="/secrets" component={Secrets} />
      <Route path="/health" component={Health} />
      <Route path="/settings" component={Settings} />
      <Route path="/settings/:tab" component={Settings} />
      <Route path="/go/:id" component={Go} />
      <Route component={Nothing} />
    </Switch>
  );
}

function Go() {
  const { id = '' } = usePathParams<{ id: string }>();
  return <Redirect to={pathOf(id) ?? `/workflows/${encodeURIComponent(id)}`} replace />;
}

function Nothing() {
  const { t } = useText();
  const [path] = useLocation();
  return (
    <Page title={t.nothing.title}>
      <Empty title={t.nothing.title}>
        <p>{t.nothing.text(path)}</p>
        <LinkButton to="/workflows">{t.nav.workflows}</LinkButton>
      </Empty>
    </Page>
  );
}

/** What a page cannot get over is said, and the rest of the console goes on. */
class Caught extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: null as unknown };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    return this.state.error ? <Broken error={this.state.error} again={() => this.setState({ error: null })} /> : this.props.children;
  }
}

function Broken({ error, again }: { error: unknown; again: () => void }) {
  const { t } = useText();
  const [path] = useLocation();
  const [at] = useState(path);
  useEffect(() => {
    if (path !== at) again();
  }, [path, at, again]);
  return (
    <div style={{ padding: 16, display: 'grid', gap: 12 }}>
      <ProblemBox error={error} />
      <Button onPress={() => location.reload()}>{t.common.reload}</Button>
    </div>
  );
}
