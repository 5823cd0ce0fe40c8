import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';

import { useText } from '../i18n';
import { Busy, Empty, ProblemBox } from '../parts/ui';

/** A part of the console whose resource this server may not have: then it says so, and has no controls. */
export function Newer<T>({ query, what, children }: { query: UseQueryResult<T | null>; what: string; children: (data: T) => ReactNode }) {
  const { t } = useText();
  if (query.isPending) return <Busy />;
  if (query.error) return <ProblemBox error={query.error} retry={() => void query.refetch()} />;
  if (query.data === null) {
    return (
      <Empty title={t.newer.title}>
        <p>{what}</p>
      </Empty>
    );
  }
  return children(query.data);
}
