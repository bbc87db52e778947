/** From findings to messages: told once when it begins, again while it stays, and when it ends. */
import type { AlertState } from './alert-shapes.ts';

export type AlertNews = 'began' | 'stays' | 'ended' | null;

export interface AlertTimes {
  forMinutes: number;
  repeatHours: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

export const CALM: AlertState = { phase: 'ok', sinceMs: 0, toldMs: 0, text: '' };

/** The next state, and what people are to be told. */
export function nextState(
  state: AlertState,
  finding: { isSo: boolean; text: string },
  times: AlertTimes,
  nowMs: number,
): { state: AlertState; news: AlertNews } {
  const { text } = finding;
  if (!finding.isSo) {
    const news = state.phase === 'firing' ? 'ended' : null;
    return { state: state.phase === 'ok' ? state : { ...CALM, sinceMs: nowMs, text }, news };
  }
  const sinceMs = state.phase === 'ok' ? nowMs : state.sinceMs;
  if (state.phase !== 'firing' && nowMs - sinceMs < times.forMinutes * MINUTE_MS) {
    return { state: { phase: 'pending', sinceMs, toldMs: 0, text }, news: null };
  }
  if (state.phase !== 'firing') {
    return { state: { phase: 'firing', sinceMs, toldMs: nowMs, text }, news: 'began' };
  }
  const isDue = nowMs - state.toldMs >= times.repeatHours * HOUR_MS;
  const toldMs = isDue ? nowMs : state.toldMs;
  return { state: { phase: 'firing', sinceMs, toldMs, text }, news: isDue ? 'stays' : null };
}
