import { useCallback, useMemo } from 'react';
import { useLocation, useSearch } from 'wouter';

/** The search part of the address as filters. What is empty is left out, so that each state has one address. */
export function useParams<Name extends string>(names: readonly Name[]): [Record<Name, string>, (next: Partial<Record<Name, string>>) => void] {
  const search = useSearch();
  const [path, go] = useLocation();
  const list = names.join(' ');
  const values = useMemo(() => {
    const params = new URLSearchParams(search);
    return Object.fromEntries(list.split(' ').map((name) => [name, params.get(name) ?? ''])) as Record<Name, string>;
  }, [search, list]);
  const set = useCallback(
    (next: Partial<Record<Name, string>>) => {
      const params = new URLSearchParams(search);
      for (const [name, value] of Object.entries<string | undefined>(next)) {
        if (value) params.set(name, value);
        else params.delete(name);
      }
      const text = params.toString();
      go(text ? `${path}?${text}` : path, { replace: true });
    },
    [search, path, go],
  );
  return [values, set];
}
