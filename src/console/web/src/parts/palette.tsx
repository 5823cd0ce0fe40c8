import { useId, useMemo, useRef, useState } from 'react';
import { useLocation } from 'wouter';

import { useWorkflows } from '../api/queries';
import { useText } from '../i18n';
import { useCommandList } from '../lib/commands';
import { fit, pathOf } from '../lib/goto';
import { commandKey, composing, isEnter } from '../lib/keys';
import { Dialog } from './dialog';
import css from './palette.module.css';
import { pages } from './shell';
import { css as ui } from './ui';

interface Option {
  name: string;
  kind: string;
  words: string;
  run: () => void;
}

const MOST = 30;

/** Goes to anything and does anything: pages, workflows, ids, and what the present page offers. */
export function Palette({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { t } = useText();
  return (
    <Dialog open={open} onClose={onClose} title={t.palette.title}>
      <Finder onClose={onClose} />
    </Dialog>
  );
}

function Finder({ onClose }: { onClose: () => void }) {
  const { t } = useText();
  const [, go] = useLocation();
  const [typed, setTyped] = useState('');
  const [at, setAt] = useState(0);
  const workflows = useWorkflows();
  const commands = useCommandList();
  const list = useRef<HTMLDivElement>(null);
  const id = useId();

  const options = useMemo<Option[]>(() => {
    const path = pathOf(typed);
    const all: Option[] = [
      ...commands.map((command) => ({ name: command.name, kind: t.palette.action, words: command.name, run: command.run })),
      ...pages.map((page) => ({ name: t.nav[page.name], kind: t.palette.page, words: `${t.nav[page.name]} ${page.name} ${page.words}`, run: () => go(page.path) })),
      ...(workflows.data ?? []).map((workflow) => ({ name: workflow.title || workflow.key, kind: t.palette.workflow, words: `${workflow.title ?? ''} ${workflow.key}`, run: () => go(`/workflows/${workflow.key}`) })),
    ];
    const found = all
      .map((option) => ({ option, score: fit(option.words, typed) }))
      .filter(({ score }) => score >= 0)
      .sort((a, b) => b.score - a.score)
      .map(({ option }) => option);
    if (path) found.unshift({ name: typed.trim(), kind: t.palette.open, words: typed, run: () => go(path) });
    return found.slice(0, MOST);
  }, [typed, commands, workflows.data, t, go]);

  const chosen = options[Math.min(at, options.length - 1)];
  const take = (option: Option | undefined) => {
    if (!option) return;
    onClose();
    option.run();
  };
  const move = (next: number) => {
    const place = (next + options.length) % Math.max(1, options.length);
    setAt(place);
    list.current?.children[place]?.scrollIntoView({ block: 'nearest' });
  };
  return (
    <>
      <input
        className={css.input}
        role="combobox"
        aria-expanded="true"
        aria-controls={id}
        aria-activedescendant={chosen ? `${id}-${options.indexOf(chosen)}` : undefined}
        aria-label={t.palette.label}
        placeholder={t.palette.hint}
        // biome-ignore lint/a11y/noAutofocus: who opens the palette types next
        autoFocus
        value={typed}
        spellCheck={false}
        onChange={(event) => {
          setTyped(event.target.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          if (composing(event)) return;
          if (event.key === 'ArrowDown') move(at + 1);
          else if (event.key === 'ArrowUp') move(at - 1);
          else if (isEnter(event)) take(chosen);
          else return;
          event.preventDefault();
        }}
      />
      <div ref={list} id={id} role="listbox" aria-label={t.palette.title} className={css.list}>
        {options.map((option, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field above has the keys
          <div key={`${option.kind} ${option.name}`} id={`${id}-${index}`} role="option" tabIndex={-1} aria-selected={option === chosen} className={css.option} onClick={() => take(option)} onPointerMove={() => setAt(index)}>
            <span>{option.name}</span>
            <span className={`${ui.muted} ${ui.small}`}>{option.kind}</span>
          </div>
        ))}
      </div>
      {options.length === 0 ? <p className={ui.muted}>{t.palette.nothing}</p> : null}
    </>
  );
}

/** What each key does. */
export function KeySheet({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { t } = useText();
  const commands = useCommandList();
  const keys: [string, string][] = [
    [`${commandKey}K`, t.keys.palette],
    ['j k', t.keys.rows],
    ['[ ]', t.keys.neighbours],
    ['?', t.keys.sheet],
    ...pages.flatMap((page) => (page.key ? [[`g ${page.key}`, t.nav[page.name]] as [string, string]] : [])),
    ...commands.flatMap((command) => (command.key ? [[command.key, command.name] as [string, string]] : [])),
  ];
  return (
    <Dialog open={open} onClose={onClose} title={t.keys.title}>
      <div className={css.keys}>
        {keys.map(([key, text]) => [<kbd key={`${key} key`}>{key}</kbd>, <span key={key}>{text}</span>])}
      </div>
      <p className={ui.muted}>{t.keys.off}</p>
    </Dialog>
  );
}
