import { useRequests } from '../api/queries';
import { useText } from '../i18n';
import { useParams } from '../lib/params';
import { RequestTable } from '../parts/requests';
import { filtersClass, Page } from '../parts/shell';
import { Busy, Button, Empty, LinkButton, ProblemBox, Select } from '../parts/ui';
import { StandStill, WorkflowFilter } from './runs';

export function Requests() {
  const { t } = useText();
  const [params, setParams] = useParams(['workflow', 'refused'] as const);
  const query = useRequests(params);
  const requests = query.data?.pages.flatMap((page) => page.requests) ?? [];
  const filtered = params.workflow !== '' || params.refused !== '';
  return (
    <Page title={t.nav.requests} actions={<StandStill />}>
      <div className={filtersClass}>
        <WorkflowFilter value={params.workflow} onChange={(workflow) => setParams({ workflow })} />
        <Select label={t.requests.verdict} value={params.refused} onChange={(refused) => setParams({ refused })} options={[['', t.requests.all], ['true', t.requests.onlyRefused], ['false', t.requests.notRefused]]} />
        {filtered ? <Button kind="quiet" onPress={() => setParams({ workflow: '', refused: '' })}>{t.common.clear}</Button> : null}
      </div>
      {query.error ? <ProblemBox error={query.error} retry={() => void query.refetch()} /> : null}
      {query.isPending ? <Busy /> : null}
      {query.data && requests.length === 0 ? (
        filtered ? <Empty title={t.common.noMatch} /> : (
          <Empty title={t.requests.none}>
            <p>{t.requests.noneText}</p>
            <LinkButton to="/workflows">{t.nav.workflows}</LinkButton>
          </Empty>
        )
      ) : null}
      {requests.length > 0 ? <RequestTable requests={requests} more={{ has: query.hasNextPage, busy: query.isFetchingNextPage, load: () => void query.fetchNextPage() }} /> : null}
    </Page>
  );
}
