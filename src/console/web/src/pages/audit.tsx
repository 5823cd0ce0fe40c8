import type { Json } from '../api/types';
import { useNewer } from '../api/queries';
import { useText } from '../i18n';
import { type Column, Table } from '../parts/table';
import { css as ui, Strange, When } from '../parts/ui';
import { Newer } from './newer';

type Entry = Record<string, Json>;

/** The fields that entries are known to have; the rest of an entry is shown as it is. */
const text = (value: Json | undefined): string => (value === undefined || value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value));
const idOf = (entry: Entry) => text(entry['id'] ?? entry['at'] ?? null) + text(entry['what'] ?? entry['action'] ?? null);

export function Audit() {
  const { t } = useText();
  const query = useNewer<{ audit?: Entry[]; entries?: Entry[] } | Entry[]>('audit?limit=200');
  const columns: Column<Entry>[] = [
    { name: t.audit.when, width: '110px', cell: (it) => (typeof it['at'] === 'string' ? <When at={it['at']} /> : typeof it['time'] === 'string' ? <When at={it['time']} /> : '—') },
    { name: t.audit.who, width: '150px', cell: (it) => <Strange text={text(it['actor'] ?? it['who'])} /> },
    { name: t.audit.what, width: 'minmax(160px, 1fr)', narrow: 'wide', cell: (it) => <code><Strange text={text(it['what'] ?? it['action'])} /></code> },
    { name: t.audit.about, width: 'minmax(160px, 1fr)', narrow: 'wide', cell: (it) => <span className={ui.mono}><Strange text={text(it['target'] ?? it['about'] ?? it['subject'])} /></span> },
  ];
  return (
    <Newer query={query} what={t.newer.audit}>
      {(data) => {
        const entries = Array.isArray(data) ? data : (data.audit ?? data.entries ?? []);
        return entries.length > 0 ? <Table label={t.settings.tabs.audit} columns={columns} items={entries} id={idOf} /> : <p className={ui.muted}>{t.audit.none}</p>;
      }}
    </Newer>
  );
}
