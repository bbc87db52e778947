/** Statements of generated schemas and views, kept for whoever runs queries. */
import type { LakeState } from './lake-state.ts';

/** What a statement makes. */
const MADE = /^create (?:schema if not exists|or replace view) "(?:[^"]|"")*"(?:\."(?:[^"]|"")*")?/;

/** Keeps statements by what they make. */
export function showViews(state: LakeState, statements: readonly string[]): void {
  if (statements.length === 0) return;
  const version = ++state.viewsVersion;
  for (const sql of statements) {
    const [made = sql] = MADE.exec(sql) ?? [];
    state.views.set(made, { sql, version });
  }
}
