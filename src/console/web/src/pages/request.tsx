import { CircleCheck, CircleDashed, OctagonX, Send } from 'lucide-react';
import { useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { Link, useLocation, useParams } from 'wouter';

import { call } from '../api/client';
import { touch, useRequest, useRun } from '../api/queries';
import type { KeptRequest, RequestDetail } from '../api/types';
import { useText } from '../i18n';
import { useCommands } from '../lib/commands';
import { curl } from '../lib/curl';
import { GATES, gateOf } from '../lib/gates';
import { at } from '../lib/place';
import { bytes, span } from '../lib/units';
import { Ask } from '../parts/dialog';
import { BodyView, TextView } from '../parts/json';
import { runOf, verdictOf, VerdictPill } from '../parts/requests';
import { Page } from '../parts/shell';
import { tell } from '../parts/toasts';
import { Busy, Button, Copy, css as ui, Exactly, Fact, Facts, Id, LinkButton, Panel, ProblemBox, Strange, toneStyle } from '../parts/ui';
import { useWho } from '../who';
import css from './request.module.css';

const HIDDEN = '[hidden]';

export function RequestPage() {
  const { id = '' } = useParams<{ id: string }>();
  const { t } = useText();
  const query = useRequest(id);
  if (query.isPending) return <Busy />;
  if (!query.data) {
    return (
      <Page title={t.request.title} crumb={['/requests', t.nav.requests]}>
        <ProblemBox error={query.error} retry={() => void query.refetch()} />
      </Page>
    );
  }
  return <Shown request={query.data} />;
}

function Shown({ request }: { request: RequestDetail }) {
  const { t, locale } = useText();
  const { may, payloads } = useWho();
  const [, go] = useLocation();
  const client = useQueryClient();
  const [asked, ask] = useState(false);
  const verdict = verdictOf(request.outcome);
  const refusal = typeof request.outcome === 'object' && 'refused' in request.outcome ? request.outcome.refused : null;
  const run = runOf(request.outcome);
  const canResend = verdict === 'refused' && request.kept && may('operator');
  const resend = async () => {
    const { run_id } = await call<{ run_id: string }>(`requests/${request.id}/resend`, { method: 'POST' });
    tell('done', t.request.resent);
    touch(client, 'runs', 'requests');
    go(`/runs/${run_id}`);
  };
  useCommands(canResend ? [{ name: t.request.resend, key: 'r', run: () => ask(true) }] : []);
  return (
    <Page
      title={`${request.method} ${request.path}`}
      crumb={['/requests', t.nav.requests]}
      status={<VerdictPill outcome={request.outcome} />}
      actions={
        <>
          {run ? <LinkButton to={`/runs/${run}`}>{t.request.openRun}</LinkButton> : null}
          {canResend ? <Button kind="primary" icon={<Send size={16} />} onPress={() => ask(true)}>{t.request.resend}</Button> : null}
        </>
      }
    >
      {refusal ? (
        <div className={ui.problem} style={toneStyle('refused')}>
          <OctagonX size={18} aria-hidden />
          <div>
            <strong>{(t.problems as Record<string, string>)[refusal.code] ?? refusal.code}</strong>
            <p><Strange text={refusal.reason} /></p>
            <p className={`${ui.muted} ${ui.small}`}>{t.request.callerSaw(request.status, refusal.code)}</p>
          </div>
        </div>
      ) : null}
      <Gates code={refusal?.code ?? null} />
      {request.notes.map((note) => (
        <p key={note.code} className={ui.muted}><Strange text={note.message} /></p>
      ))}
      <Panel title={t.request.facts}>
        <Facts>
          <Fact name={t.request.id}><span className={ui.row}><Id id={request.id} /><Copy text={request.id} label={t.common.copyId} /></span></Fact>
          <Fact name={t.request.received}><Exactly at={request.received} /></Fact>
          <Fact name={t.requests.workflow}>{request.workflow ? <Link href={`/workflows/${request.workflow}`}>{request.workflow}</Link> : '—'}</Fact>
          <Fact name={t.request.status}>{request.status}</Fact>
          <Fact name={t.requests.from}><code>{request.ip}</code></Fact>
          <Fact name={t.request.scheme}>{request.scheme ?? t.request.noScheme}</Fact>
          <Fact name={t.requests.size}>{bytes(request.body_bytes, locale)}</Fact>
          <Fact name={t.requests.took}>{span(request.took_us / 1000)}</Fact>
          <Fact name={t.request.accepted}>{span(request.accepted_us / 1000)}</Fact>
        </Facts>
      </Panel>
      {payloads ? request.request ? <Kept request={request} kept={request.request} /> : run ? <OfRun run={run} /> : <p className={ui.muted}>{t.request.notKept}</p> : <p className={ui.muted}>{t.common.noPayloads}</p>}
      <Ask open={asked} onClose={() => ask(false)} title={t.request.resendTitle} action={t.request.resend} onAction={resend}>
        <p>{t.request.resendText}</p>
        {request.request?.changed ? <p>{t.request.changed}</p> : null}
      </Ask>
    </Page>
  );
}

/** Each gate with what became of the request at it. */
function Gates({ code }: { code: string | null }) {
  const { t } = useText();
  const fell = code === null ? null : gateOf(code);
  if (code !== null && fell === null) return null;
  const place = fell === null ? GATES.length : GATES.indexOf(fell);
  return (
    <ol className={css.gates} aria-label={t.request.gates}>
      {GATES.map((gate, index) => {
        const [Icon, tone, word] = index < place ? ([CircleCheck, 'succeeded', t.request.passed] as const) : index === place ? ([OctagonX, 'refused', t.request.fell] as const) : ([CircleDashed, 'queued', t.request.notReached] as const);
        return (
          <li key={gate} style={toneStyle(tone)} {...(index === place ? { 'data-fell': '' } : index > place ? { 'data-after': '' } : {})}>
            <Icon size={14} aria-label={word} />
            {t.gate[gate]}
          </li>
        );
      })}
    </ol>
  );
}

function Kept({ request, kept }: { request: RequestDetail; kept: KeptRequest }) {
  const { t } = useText();
  const url = at(request.path.replace(/^\//, '')) + (kept.query ? `?${kept.query}` : '');
  const line = useMemo(
    () => curl({ method: request.method, url, headers: kept.headers, ...(kept.body ? { body: kept.body } : {}) }),
    [request.method, url, kept],
  );
  return (
    <Panel title={t.request.itself} actions={kept.body_base64 === undefined ? <Copy text={line} label={t.request.copyCurl} /> : null}>
      {kept.changed ? <p className={ui.muted}>{t.request.changed}</p> : null}
      {kept.query ? <p><span className={ui.muted}>{t.request.query}</span> <code><Strange text={kept.query} /></code></p> : null}
      <Headers headers={kept.headers} />
      {kept.body ? <BodyView text={kept.body} label={t.request.body} file={request.id} /> : null}
      {kept.body_base64 ? <TextView text={kept.body_base64} label={t.request.bodyBase64} file={`${request.id}.base64`} /> : null}
      {kept.body || kept.body_base64 ? null : <p className={ui.muted}>{t.requests.noBody}</p>}
    </Panel>
  );
}

function Headers({ headers }: { headers: Record<string, string> }) {
  const { t } = useText();
  return (
    <dl className={css.headers}>
      {Object.entries(headers).map(([name, value]) => [
        <dt key={`${name} name`}><Strange text={name} /></dt>,
        <dd key={name}>{value === HIDDEN ? <span className={ui.hidden}>{t.common.hidden}</span> : <Strange text={value} />}</dd>,
      ])}
    </dl>
  );
}

/** An accepted request is kept by its run. */
function OfRun({ run }: { run: string }) {
  const { t } = useText();
  const query = useRun(run);
  if (!query.data) return query.isPending ? <Busy /> : <p className={ui.muted}>{t.request.runGone}</p>;
  const context = query.data.context as { headers?: Record<string, string>; rawBody?: unknown; data?: unknown; query?: unknown } | null;
  const text = JSON.stringify(context?.data ?? null);
  return (
    <Panel title={t.request.itself} actions={<Link href={`/runs/${run}`}>{t.request.openRun}</Link>}>
      <p className={ui.muted}>{t.request.ofRun}</p>
      {context?.headers ? <Headers headers={context.headers} /> : null}
      <BodyView text={text} label={t.request.data} file={run} />
    </Panel>
  );
}
