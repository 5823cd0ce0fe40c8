import { useQueryClient } from '@tanstack/react-query';
import { Pause, Play } from 'lucide-react';

import { pause, usePaused } from '../api/live';
import { useRuns, useWorkflows } from '../api/queries';
import { useText } from '../i18n';
import { useParams } from '../lib/params';
import { RunTable } from '../parts/runs';
import { filtersClass, Page } from '../parts/shell';
import { Busy, Button, Empty, LinkButton, ProblemBox, Select } from '../parts/ui';

const STATUSES = ['queued', 'succeeded', 'failed', 'waiting', 'cancelled'] as const;

export function Runs() {
  const { t } = useText();
  const [params, setParams] = useParams(['workflow', 'status'] as const);
  const query = useRuns(params);
  const runs = query.data?.pages.flatMap((page) => page.runs) ?? [];
  const filtered = params.workflow !== '' || params.status !== '';
  return (
    <Page title={t.nav.runs} actions={<StandStill />}>
      <div className={filtersClass}>
        <WorkflowFilter value={params.workflow} onChange={(workflow) => setParams({ workflow })} />
        <Select label={t.runs.status} value={params.status} onChange={(status) => setParams({ status })} options={[['', t.runs.allStatuses], ...STATUSES.map((it): [string, string] => [it, t.status[it]])]} />
        {filtered ? <Button kind="quiet" onPress={() => setParams({ workflow: '', status: '' })}>{t.common.clear}</Button> : null}
      </div>
      {query.error ? <ProblemBox error={query.error} retry={() => void query.refetch()} /> : null}
      {query.isPending ? <Busy /> : null}
      {query.data && runs.length === 0 ? (
        filtered ? <Empty title={t.common.noMatch} /> : (
          <Empty title={t.runs.none}>
            <p>{t.runs.noneText}</p>
            <LinkButton to="/workflows">{t.nav.workflows}</LinkButton>
          </Empty>
        )
      ) : null}
      {runs.length > 0 ? <RunTable runs={runs} more={{ has: query.hasNextPage, busy: query.isFetchingNextPage, load: () => void query.fetchNextPage() }} /> : null}
    </Page>
  );
}

export function WorkflowFilter({ value, onChange }: { value: string; onChange: (key: string) => void }) {
  const { t } = useText();
  const workflows = useWorkflows();
  const keys = (workflows.data ?? []).map((workflow): [string, string] => [workflow.key, workflow.title || workflow.key]);
  // A workflow that is gone still has runs.
  if (value && !keys.some(([key]) => key === value)) keys.unshift([value, value]);
  return <Select label={t.runs.workflow} value={value} onChange={onChange} options={[['', t.runs.allWorkflows], ...keys]} />;
}

/** Lets lists stand still while somebody reads. */
export function StandStill() {
  const { t } = useText();
  const still = usePaused();
  const client = useQueryClient();
  const change = () => {
    pause(!still);
    // What happened in between was let go by.
    if (still) void client.invalidateQueries();
  };
  return (
    <Button icon={still ? <Play size={16} /> : <Pause size={16} />} onPress={change}>
      {still ? t.live.goOn : t.live.pause}
    </Button>
  );
}
