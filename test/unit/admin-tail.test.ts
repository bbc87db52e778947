/** Live events for many readers: each has its share, and what it misses is counted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Hono } from 'hono';
import { answerTail } from '../../src/admin/tail.ts';
import type { TailLine } from '../../src/lake/tail-shapes.ts';
import { ADMIN_TOKEN_ACTOR } from '../../src/store/people/audit.ts';

type Push = (entries: readonly TailLine[], missed: number) => void;

/** Reads until as many events and missed ones have come as were made. */
async function readAll(
  response: Response,
  made: number,
): Promise<{ events: number; missed: number }> {
  let [text, events, missed] = ['', 0, 0];
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    const messages = text.split('\n\n');
    text = messages.pop() ?? '';
    for (const message of messages) {
      const count = /^event: missed\ndata: (\d+)$/.exec(message)?.[1];
      if (count !== undefined) missed += Number(count);
      else if (message.startsWith('data: ')) events++;
    }
    if (events + missed >= made) break;
  }
  return { events, missed };
}

for (const readers of [1, 5, 50]) {
  test(`${readers} readers of a burst get their share, and are told of the rest`, async () => {
    const pushes = new Set<Push>();
    const app = new Hono().get('/tail', (c) =>
      answerTail(
        (push) => {
          pushes.add(push);
          return () => pushes.delete(push);
        },
        c,
        () => ADMIN_TOKEN_ACTOR,
      ),
    );
    const responses = await Promise.all(
      Array.from({ length: readers }, async () => app.request('/tail')),
    );
    assert.equal(pushes.size, readers);
    const burst = Array.from({ length: 1_500 }, (_, n): TailLine => ({
      source: 's',
      json: `{"n":${n}}`,
    }));
    for (const push of pushes) {
      push(burst, 500);
      push(burst, 0);
    }
    const seen = await Promise.all(responses.map((response) => readAll(response, 3_500)));
    for (const { events, missed } of seen) {
      assert.equal(events, 1_000 / readers);
      assert.equal(events + missed, 3_500, 'nothing is lost from the count');
    }
    assert.equal(pushes.size, 0, 'who leaves is forgotten');
  });
}
