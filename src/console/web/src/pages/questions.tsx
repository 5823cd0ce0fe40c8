import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';

import { call } from '../api/client';
import { touch, useQuestions } from '../api/queries';
import type { Question } from '../api/types';
import { useText } from '../i18n';
import { useParams } from '../lib/params';
import { stepKey } from '../lib/waterfall';
import { Page } from '../parts/shell';
import { tell } from '../parts/toasts';
import { Busy, Button, css as ui, Empty, Field, Id, Panel, ProblemBox, Strange, When } from '../parts/ui';
import { useWho } from '../who';

export function Questions() {
  const { t } = useText();
  const query = useQuestions();
  const [params] = useParams(['open'] as const);
  const all = query.data?.questions ?? [];
  // The one that was asked for stands first.
  const shown = [...all].sort((a, b) => Number(b.id === params.open) - Number(a.id === params.open));
  return (
    <Page title={t.nav.questions}>
      {query.error ? <ProblemBox error={query.error} retry={() => void query.refetch()} /> : null}
      {query.isPending ? <Busy /> : null}
      {query.data && all.length === 0 ? (
        <Empty title={t.questions.none}>
          <p>{t.questions.noneText}</p>
        </Empty>
      ) : null}
      {params.open && query.data && !all.some((question) => question.id === params.open) && all.length > 0 ? <p className={ui.muted}>{t.questions.closed}</p> : null}
      {shown.map((question) => (
        <QuestionPanel key={question.id} question={question} />
      ))}
      {query.data?.next ? <p className={ui.muted}>{t.questions.more}</p> : null}
    </Page>
  );
}

function QuestionPanel({ question }: { question: Question }) {
  const { t } = useText();
  const { who, may } = useWho();
  const client = useQueryClient();
  const known = who.state === 'in' ? (who.session?.user.name ?? '') : '';
  const [comment, setComment] = useState('');
  const [name, setName] = useState(known);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const answer = async (value: string) => {
    setBusy(true);
    setError(null);
    try {
      await call(`questions/${encodeURIComponent(question.id)}/answer`, { method: 'POST', body: { answer: value, ...(comment ? { comment } : {}), ...(name ? { name } : {}) } });
      tell('done', t.questions.answered);
      touch(client, 'questions', 'runs', 'run');
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  return (
    <Panel title={<Strange text={question.title} />} actions={<span className={`${ui.muted} ${ui.small}`}>{question.until ? <>{t.run.until} <When at={question.until} /></> : null}</span>}>
      {question.text ? <p style={{ whiteSpace: 'pre-wrap' }}><Strange text={question.text} /></p> : null}
      <p className={`${ui.muted} ${ui.small}`}>
        <Link href={`/workflows/${question.workflow}`}>{question.workflow}</Link> · <Link href={`/runs/${question.run}`}><Id id={question.run} /></Link> · <code>{stepKey(question.step, question.at)}</code> · {t.run.since} <When at={question.since} />
      </p>
      {may('operator') ? (
        <>
          {question.comment ? (
            <Field label={question.comment === 'required' ? t.questions.commentNeeded : t.questions.comment}>
              <textarea className={ui.input} rows={2} style={{ minBlockSize: 56 }} value={comment} onChange={(event) => setComment(event.target.value)} />
            </Field>
          ) : null}
          {question.ask_name || known === '' ? (
            <Field label={question.ask_name ? t.questions.nameNeeded : t.questions.name}>
              <input className={ui.input} value={name} onChange={(event) => setName(event.target.value)} autoComplete="name" />
            </Field>
          ) : null}
          {error ? <ProblemBox error={error} /> : null}
          <div className={ui.row}>
            {question.answers.map((choice) => (
              <Button key={choice.value} isDisabled={busy} onPress={() => void answer(choice.value)}>
                <Strange text={choice.label} />
              </Button>
            ))}
          </div>
        </>
      ) : null}
    </Panel>
  );
}
