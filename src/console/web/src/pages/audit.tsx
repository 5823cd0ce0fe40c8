import { useNewer } from '../api/queries';
import { useText } from '../i18n';
import { type Column, Table } from '../parts/table';
import { css as ui, Strange, When } from '../parts/ui';
import { Newer } from './newer';

interface Entry {
  id: string;
  at: string;
  actor: { kind: 'person'; name: string } | { kind: 'token'; id: string } | { kind: 'machine' | 'folder' } | null;
  /** Method and path, as the table of rights has them. */
  action: string;
  target: string;
  address: string;
  status: number;
  code?: string | null;
}

const idOf = (entry: Entry) => entry.id;

export function Audit() {
  const { t } = useText();
  const query = useNewer<{ audit: Entry[] }>('audit?limit=200');
  const who = ({ actor }: Entry) => {
    if (actor === null) return t.audit.nobody;
    switch (actor.kind) {
      case 'person':
        return actor.name;
      case 'token':
        return t.audit.token(actor.id);
      case 'machine':
        return t.audit.machine;
      case 'folder':
        return t.homes.folder;
    }
  };
  const columns: Column<Entry>[] = [
    { name: t.audit.when, width: '110px', cell: (it) => <When at={it.at} /> },
    { name: t.audit.who, width: '150px', cell: (it) => <Strange text={who(it)} /> },
    { name: t.audit.what, width: 'minmax(160px, 2fr)', narrow: 'wide', cell: (it) => <code><Strange text={it.action} /></code> },
    { name: t.audit.about, width: 'minmax(100px, 1fr)', narrow: 'wide', cell: (it) => <span className={ui.mono}><Strange text={it.target} /></span> },
    { name: t.audit.outcome, width: '140px', narrow: 'away', cell: (it) => `${it.status}${it.code ? ` ${it.code}` : ''}` },
    { name: t.audit.from, width: '130px', narrow: 'away', cell: (it) => <span className={ui.mono}><Strange text={it.address} /></span> },
  ];
  return (
    <Newer query={query} what={t.newer.audit}>
      {({ audit }) => (audit.length > 0 ? <Table label={t.settings.tabs.audit} columns={columns} items={audit} id={idOf} /> : <p className={ui.muted}>{t.audit.none}</p>)}
    </Newer>
  );
}
