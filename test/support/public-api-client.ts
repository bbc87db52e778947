/** Asks operations of the Public API by name; each answer is as Segment's client declares it. */
import assert from 'node:assert/strict';
import { OPERATIONS } from '../../src/admin/public-api/operations.ts';
import { isMadeBy201, modelProblems } from './segment-model.ts';
import type { TestServer } from './test-server.ts';

export interface OperationAsk {
  /** Of the path, in its order. */
  params?: readonly string[];
  /** As it stands in the address. */
  query?: string;
  body?: unknown;
  token?: string;
  /** What is expected; by default what Segment answers when all is well. */
  status?: number;
}

interface Answer {
  data?: Record<string, unknown>;
  errors?: { type: string; message: string; field?: string }[];
}

/** @returns data, or the first error when another status than that of success is expected. */
export async function askOperation(
  server: TestServer,
  name: string,
  ask: OperationAsk = {},
): Promise<Record<string, unknown>> {
  const operation = OPERATIONS.find((one) => one.name === name);
  assert.ok(operation, name);
  const params = [...(ask.params ?? [])];
  const path = operation.path.replace(/\{\w+\}/g, () => encodeURIComponent(params.shift() ?? ''));
  const response = await fetch(`${server.adminUrl}${path}${ask.query ? `?${ask.query}` : ''}`, {
    method: operation.method,
    headers: { Authorization: `Bearer ${ask.token ?? server.token}` },
    ...(ask.body !== undefined && { body: JSON.stringify(ask.body) }),
  });
  const answer = (await response.json()) as Answer;
  const success = isMadeBy201(name) ? 201 : 200;
  assert.equal(response.status, ask.status ?? success, `${name}: ${JSON.stringify(answer)}`);
  if (response.status !== success) return { ...answer.errors?.[0] };
  assert.deepEqual(modelProblems(name, answer), []);
  return answer.data ?? {};
}
