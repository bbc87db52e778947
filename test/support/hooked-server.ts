/** A server with a webhook behind it: what becomes of bytes that are sent, as row and message. */
import assert from 'node:assert/strict';
import { startFakeService } from './fake-service.ts';
import { startTestServer } from './test-server.ts';
import type { Row, TestServer } from './test-server.ts';
import { until } from './until.ts';

export interface HookedServer extends TestServer {
  /** The row of a stored event, when it is there. */
  stored(messageId: string): Promise<Row>;
  /** The row of the n-th rejected event, when there are that many. */
  rejected(count: number): Promise<Row[]>;
  /** The bytes that the webhook got of it. */
  delivered(messageId: string): Promise<string>;
  /**
   * Resolves when a series such as `millrace_events_repaired_total{rule="number_id"}` has the
   * value, which threads tell from time to time; 0: it is not there.
   */
  counted(series: string, value: number): Promise<void>;
}

/** Starts both; `stop` and `kill` end both. @param folder that of an earlier one. */
export async function startHookedServer(folder?: string): Promise<HookedServer> {
  const service = await startFakeService();
  const server = await startTestServer({
    ...(folder !== undefined && { folder }),
    config: {
      net: { allow: ['127.0.0.1'] },
      destinations: [
        {
          name: 'Hook',
          slug: 'hook',
          type: 'webhook',
          settings: { url: `${service.url}/hook` },
        },
      ],
    },
  });
  return {
    ...server,
    async stored(messageId) {
      const [row] = await server.sqlUntil(
        `select * from events where message_id = '${messageId}'`,
        (rows) => rows.length === 1,
      );
      assert.ok(row);
      return row;
    },
    rejected: (count) =>
      server.sqlUntil('select * from rejected order by received_at, position, index', (rows) => {
        return rows.length >= count;
      }),
    async delivered(messageId) {
      const find = () =>
        service.taken.find(({ body }) => {
          return (JSON.parse(body) as { messageId: string }).messageId === messageId;
        })?.body;
      await until(`${messageId} is delivered`, () => find() !== undefined, 20_000);
      return find() ?? '';
    },
    counted: (series, value) => {
      let last = -1;
      const isSo = async (): Promise<boolean> => {
        const response = await fetch(`${server.adminUrl}/metrics`);
        const lines = (await response.text()).split('\n');
        const line = lines.find((text) => text.startsWith(`${series} `));
        last = line === undefined ? 0 : Number(line.slice(series.length + 1));
        return last === value;
      };
      return until(`${series} is ${value}`, isSo).catch(() => assert.equal(last, value, series));
    },
    async kill() {
      await server.kill();
      await service.close();
    },
    async stop() {
      await server.stop();
      await service.close();
    },
  };
}
