/** Questions in SQL: written with completion, kept, drawn and taken away as files. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { SentSql } from '../../../../src/admin/sent-shapes.ts';
import type {
  SqlTablesAnswer,
  SavedQueryView,
  SqlAnswer,
} from '../../../../src/operate/sql/sql-shapes.ts';
import { ApiError, get, may, request } from '../../admin-api.ts';
import { download, saveAs } from '../../download.ts';
import { place, setQuery } from '../../page-router.ts';
import { Empty, Page } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { useLoaded } from '../../use-loaded.ts';
import { useTask } from '../../use-task.ts';
import { SavedQueries } from './saved-query-list.tsx';
import type { SqlEditor } from './sql-editor.ts';
import { placeOfError } from './sql-result-model.ts';
import { Result } from './sql-result.tsx';
import './sql-view.css';

/** More is for a file. */
const ROWS_MAX = 1_000;
/** Browsers and proxies cut addresses that are longer. */
const ADDRESS_CHARS_MAX = 4_000;
const FIRST = `select event, count(*) as events, max(received_at) as last
from events
group by event
order by events desc`;

export function Sql() {
  const saved = useLoaded<SavedQueryView[]>('/admin/saved-queries');
  const [text, setText] = useState(() => place.value.query.get('q') ?? '');
  const editor = useRef<SqlEditor | null>(null);
  const query = useQuery();
  const setEditorText = (next: string): void => {
    setText(next);
    editor.current?.setText(next);
  };
  const run = (): void => {
    const own = editor.current?.text() ?? text;
    if (own.trim() === '') return;
    setQuery({ q: own.length > ADDRESS_CHARS_MAX ? null : own });
    void query.run(own);
  };
  const opened = place.value.query.get('saved');
  const current = saved.data?.find(({ id }) => id === opened);
  // A link to a saved query has its id alone.
  useEffect(() => {
    if (current && text === '') setEditorText(current.sql);
  }, [current]);
  const isFirst = !query.result && !query.isRunning && !query.error;
  if (saved.error instanceof ApiError && saved.error.status === 403) return <Refused />;
  return (
    <Page
      title="SQL"
      actions={
        query.isRunning ? (
          <button type="button" class="danger" onClick={query.cancel}>
            Cancel
          </button>
        ) : (
          <button type="button" disabled={text.trim() === ''} onClick={run}>
            Run
          </button>
        )
      }
    >
      <div class="sql">
        <section aria-label="Query">
          <Editor text={text} handle={editor} onChange={setText} onRun={run} />
          <p class="muted">
            Ctrl+Enter (⌘ Enter) runs; Ctrl+Space completes. <code>events</code> has every event,
            and each source a schema with a table for each of its events.
          </p>
          <Problem error={saved.error} />
          <QueryProblem error={query.error} onShow={(at) => editor.current?.show(...at)} />
          {query.isRunning && <p role="status">Running…</p>}
          {query.result && <Exports sql={query.sql} result={query.result} />}
          {query.result && <Result result={query.result} />}
          {isFirst && <Start onTake={() => setEditorText(FIRST)} isEmpty={text === ''} />}
        </section>
        <SavedQueries
          queries={saved.data ?? []}
          current={current}
          text={text}
          mayChange={may('member')}
          onChanged={saved.reload}
          onOpen={(one) => {
            setQuery({ saved: one.id, q: null });
            setEditorText(one.sql);
            query.clear();
          }}
        />
      </div>
    </Page>
  );
}

function Refused() {
  return (
    <Page title="SQL">
      <Empty>
        SQL reads the events of all sources, and your account is kept to some of them. An admin can
        change that in the settings.
      </Empty>
    </Page>
  );
}

function Start({ isEmpty, onTake }: { isEmpty: boolean; onTake(): void }) {
  return (
    <Empty>
      <p>Write a query and run it; the address then carries it, to be sent to a colleague.</p>
      {isEmpty && (
        <button type="button" class="quiet" onClick={onTake}>
          Start with events by name
        </button>
      )}
    </Empty>
  );
}

interface EditorProps {
  text: string;
  handle: { current: SqlEditor | null };
  onChange(text: string): void;
  onRun(): void;
}

/** Loaded with the names that it completes; until then a plain text area does. */
function Editor({ text, handle, onChange, onRun }: EditorProps) {
  const box = useRef<HTMLDivElement>(null);
  const latest = useRef({ text, onChange, onRun });
  latest.current = { text, onChange, onRun };
  const [isReady, setReady] = useState(false);
  useEffect(() => {
    let isGone = false;
    const open = async (): Promise<void> => {
      const [{ openEditor }, tables] = await Promise.all([
        import('./sql-editor.ts'),
        get<SqlTablesAnswer>('/admin/sql/tables').then(
          (answer) => answer.tables,
          () => [],
        ),
      ]);
      if (isGone || !box.current) return;
      handle.current = openEditor({
        box: box.current,
        text: latest.current.text,
        tables,
        label: 'SQL query',
        onChange: (own) => latest.current.onChange(own),
        onRun: () => latest.current.onRun(),
      });
      setReady(true);
    };
    void open();
    return () => {
      isGone = true;
      handle.current?.close();
      handle.current = null;
    };
  }, []);
  return (
    <>
      <div ref={box} class="sql-editor" hidden={!isReady} />
      {!isReady && (
        <textarea
          class="sql-text"
          aria-label="SQL query"
          rows={7}
          value={text}
          onInput={(event) => onChange(event.currentTarget.value)}
        />
      )}
    </>
  );
}

function QueryProblem({
  error,
  onShow,
}: {
  error: Error | undefined;
  onShow(at: [line: number, column: number]): void;
}) {
  if (!error) return null;
  const at = placeOfError(error.message);
  return (
    <div class="sql-problem" role="alert">
      <pre class="problem" tabIndex={0}>
        {error.message}
      </pre>
      {at && (
        <button type="button" class="quiet" onClick={() => onShow([at.line, at.column])}>
          Go to line {at.line}, column {at.column + 1}
        </button>
      )}
    </div>
  );
}

function Exports({ sql, result }: { sql: string; result: SqlAnswer }) {
  const task = useTask();
  const take = (format: 'csv' | 'parquet'): void => {
    const body: SentSql = { sql, format };
    const ask = { method: 'POST', path: '/sql', body };
    void task.run(() => download(`result.${format}`, ask));
  };
  const takeJson = async (): Promise<void> => {
    const whole = result.truncated ? await answerOf({ sql }) : result;
    const names = whole.columns.map(({ name }) => name);
    const rows = whole.rows.map((row) =>
      Object.fromEntries(names.map((name, at) => [name, row[at]])),
    );
    saveAs('result.json', new Blob([JSON.stringify(rows, null, 1)], { type: 'application/json' }));
  };
  return (
    <div class="actions">
      <span class="muted">Take away:</span>
      <button type="button" class="quiet" disabled={task.isRunning} onClick={() => take('csv')}>
        CSV
      </button>
      <button
        type="button"
        class="quiet"
        disabled={task.isRunning}
        onClick={() => void task.run(takeJson)}
      >
        JSON
      </button>
      <button type="button" class="quiet" disabled={task.isRunning} onClick={() => take('parquet')}>
        Parquet
      </button>
      <Problem error={task.error} />
    </div>
  );
}

async function answerOf(body: SentSql, signal?: AbortSignal): Promise<SqlAnswer> {
  return (await (await request('POST', '/sql', body, signal)).json()) as SqlAnswer;
}

/** One query at a time; a new one, or leaving the view, ends the one before on the server too. */
function useQuery() {
  const [state, setState] = useState<{
    sql: string;
    isRunning: boolean;
    result?: SqlAnswer;
    error?: Error;
  }>({ sql: '', isRunning: false });
  const stop = useRef<AbortController | null>(null);
  useEffect(() => () => stop.current?.abort(), []);
  return {
    ...state,
    clear: () => setState({ sql: '', isRunning: false }),
    cancel: () => stop.current?.abort(),
    async run(sql: string): Promise<void> {
      stop.current?.abort();
      const own = new AbortController();
      stop.current = own;
      setState({ sql, isRunning: true });
      try {
        const result = await answerOf({ sql, rowsMax: ROWS_MAX }, own.signal);
        if (stop.current === own) setState({ sql, isRunning: false, result });
      } catch (failure) {
        if (stop.current !== own) return;
        const error = own.signal.aborted ? new Error('Cancelled') : (failure as Error);
        setState({ sql, isRunning: false, error });
      }
    },
  };
}
