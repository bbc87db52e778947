/**
 * The SQL editor. It lives in a shadow tree: there its styles are style sheet objects, which the
 * page's policy allows, and not `style` elements, which it forbids.
 */
import { autocompletion } from '@codemirror/autocomplete';
import { PostgreSQL, sql } from '@codemirror/lang-sql';
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { Prec } from '@codemirror/state';
import { EditorView, keymap, placeholder } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { basicSetup } from 'codemirror';
import type { SqlTable } from '../../../../src/operate/sql/sql-shapes.ts';

export interface SqlEditor {
  text(): string;
  setText(text: string): void;
  /** Puts the cursor on a line (from 1) and column (from 0). */
  show(line: number, column: number): void;
  close(): void;
}

export interface SqlEditorOptions {
  box: HTMLElement;
  text: string;
  tables: readonly SqlTable[];
  label: string;
  onChange(text: string): void;
  onRun(): void;
}

const COLOURS = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword], color: 'var(--accent)', fontWeight: '600' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--line-2)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--line-3)' },
  { tag: [tags.typeName, tags.standard(tags.name)], color: 'var(--line-4)' },
  { tag: [tags.lineComment, tags.blockComment], color: 'var(--muted)' },
]);

const LOOK = EditorView.theme({
  '&': { color: 'var(--text)', backgroundColor: 'var(--page)', fontSize: '0.9rem' },
  '&.cm-focused': { outline: '2px solid var(--accent)', outlineOffset: '1px' },
  '.cm-scroller': {
    fontFamily: `ui-monospace, 'DejaVu Sans Mono', monospace`,
    minHeight: '9rem',
    maxHeight: '45vh',
    overflow: 'auto',
  },
  '.cm-content': { caretColor: 'var(--text)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-placeholder': { color: 'var(--muted)' },
  '.cm-gutters': {
    color: 'var(--muted)',
    backgroundColor: 'var(--card)',
    borderRight: '1px solid var(--edge)',
  },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'transparent' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground': {
    backgroundColor: 'var(--plain-back)',
  },
  '.cm-selectionMatch, .cm-matchingBracket': { backgroundColor: 'var(--plain-back) !important' },
  '.cm-tooltip': {
    color: 'var(--text)',
    backgroundColor: 'var(--card)',
    border: '1px solid var(--edge)',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': {
    color: 'var(--accent-text)',
    backgroundColor: 'var(--accent)',
  },
  '.cm-panels': { color: 'var(--text)', backgroundColor: 'var(--card)' },
});

export function openEditor(options: SqlEditorOptions): SqlEditor {
  const { box, tables, label, onChange, onRun } = options;
  const root = box.shadowRoot ?? box.attachShadow({ mode: 'open' });
  const run = (): boolean => {
    onRun();
    return true;
  };
  const view = new EditorView({
    doc: options.text,
    root,
    parent: root,
    extensions: [
      Prec.highest(keymap.of([{ key: 'Mod-Enter', run }])),
      basicSetup,
      autocompletion({ activateOnTyping: true }),
      sql({ dialect: PostgreSQL, schema: namesOf(tables), defaultSchema: 'main' }),
      syntaxHighlighting(COLOURS),
      LOOK,
      placeholder('select event, count(*) from events group by 1'),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ 'aria-label': label }),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) onChange(update.state.doc.toString());
      }),
    ],
  });
  return {
    text: () => view.state.doc.toString(),
    setText: (text) =>
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }),
    show(line, column) {
      const own = view.state.doc.line(Math.min(Math.max(1, line), view.state.doc.lines));
      const anchor = Math.min(own.from + column, own.to);
      view.dispatch({ selection: { anchor }, scrollIntoView: true });
      view.focus();
    },
    close: () => view.destroy(),
  };
}

function namesOf(tables: readonly SqlTable[]): Record<string, Record<string, string[]>> {
  const bySchema = Map.groupBy(tables, ({ schema }) => schema);
  return Object.fromEntries(
    [...bySchema].map(([schema, own]) => [
      schema,
      Object.fromEntries(own.map(({ name, columns }) => [name, columns.map((one) => one.name)])),
    ]),
  );
}
