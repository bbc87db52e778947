/**
 * Every program of docs/quickstart.md, taken from the document and run as it stands: its events
 * arrive, and no other host is asked for anything. That the guard sees such a question is shown
 * with the same program without the lines that name Millrace. Kotlin's is in kotlin-sdk.test.ts.
 */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import {
  filledIn,
  quickstartBlock,
  quickstartBlocks,
  without,
} from '../support/quickstart-blocks.ts';
import { packageFile, quickstartRunner } from '../support/quickstart-program.ts';
import type { Language } from '../support/quickstart-program.ts';
import { startRefusingProxy } from '../support/refusing-proxy.ts';
import { bundledPage, sdkPageSkip, startSdkSite } from '../support/sdk-page.ts';
import type { SdkSite } from '../support/sdk-page.ts';
import { startTestServer, WRITE_KEY } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { startTlsFront } from '../support/tls-front.ts';
import { until } from '../support/until.ts';

const RUN_MS_MAX = 60_000;

interface Program {
  language: Language;
  heading: string;
  /** A text that only its block has. */
  needle: string;
  /** What names Millrace in it, and who is asked without that. */
  ours: readonly string[];
  elsewhere: string;
}

const PROGRAMS: readonly Program[] = [
  {
    language: 'node',
    heading: 'Node',
    needle: "'@segment/analytics-node'",
    ours: [", host: 'HOST'"],
    elsewhere: 'api.segment.io',
  },
  {
    language: 'node',
    heading: 'Node',
    needle: "'analytics-node'",
    ours: [", { host: 'HOST' }"],
    elsewhere: 'api.segment.io',
  },
  {
    language: 'python',
    heading: 'Python',
    needle: 'segment.analytics',
    ours: ["analytics.host = 'HOST'\n"],
    elsewhere: 'api.segment.io',
  },
  {
    language: 'go',
    heading: 'Go',
    needle: 'package main',
    ours: ['Endpoint: "HOST"'],
    elsewhere: 'api.segment.io',
  },
  {
    language: 'java',
    heading: 'Java',
    needle: 'class Quickstart',
    ours: ['.endpoint("HOST")'],
    elsewhere: 'api.segment.io',
  },
  {
    language: 'react-native',
    heading: 'React Native',
    needle: 'createClient',
    ours: ["  proxy: 'https://HOST_NAME/v1',\n", "  cdnProxy: 'https://HOST_NAME/v1',\n"],
    elsewhere: 'cdn-settings.segment.com',
  },
  {
    language: 'node',
    heading: "RudderStack's SDKs",
    needle: 'rudder-sdk-node',
    ours: [", { dataPlaneUrl: 'HOST' }"],
    elsewhere: 'hosted.rudderlabs.com',
  },
];

const PAGES = [
  {
    heading: 'Browser',
    needle: '<script>',
    ours: ["  analytics._cdn = 'HOST';\n"],
    elsewhere: 'cdn.segment.com',
  },
  {
    heading: 'Browser',
    needle: '@segment/analytics-next',
    ours: [", cdnURL: 'HOST'"],
    elsewhere: 'cdn.segment.com',
  },
  {
    heading: "RudderStack's SDKs",
    needle: '@rudderstack/analytics-js',
    ours: [", { configUrl: 'HOST' }"],
    elsewhere: 'api.rudderstack.com',
  },
];

describe('programs', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
  });
  after(() => server.stop());

  for (const program of PROGRAMS) {
    const { heading, needle } = program;
    test(`${heading}: ${needle}`, async (t) => {
      const runner = await quickstartRunner(program.language);
      if ('reason' in runner) return t.skip(runner.reason);
      const code = quickstartBlock(heading, needle);
      const proxy = await startRefusingProxy();
      const front = await startTlsFront(server.url);
      const url = program.language === 'react-native' ? front.url : server.url;
      const run = async (text: string, isDone: () => Promise<unknown>): Promise<void> => {
        const running = await runner.start(filledIn(text, WRITE_KEY, url), proxy.env);
        try {
          await isDone();
        } catch (error) {
          throw new Error(`${[...proxy.asked].join()}\n${running.output()}`, { cause: error });
        } finally {
          await running.end();
        }
      };
      try {
        const query = `select 1 from events where event = 'Order Completed'`;
        const count = (await server.sql(query)).length;
        await run(code, () => server.sqlUntil(query, (rows) => rows.length > count));
        assert.deepEqual([...proxy.asked], []);
        await run(without(code, ...program.ours), () =>
          until('the guard sees it', () => proxy.asked.has(program.elsewhere), RUN_MS_MAX),
        );
      } finally {
        await front.close();
        await proxy.close();
      }
    });
  }
});

describe('pages', { skip: sdkPageSkip }, () => {
  let server: TestServer;
  let site: SdkSite;
  before(async () => {
    server = await startTestServer();
    site = await startSdkSite('');
  });
  after(async () => {
    await site?.close();
    await server?.stop();
  });

  /** A page as its reader would have it: a script of the page itself, or bundled from npm. */
  const pageOf = async (code: string): Promise<string> => {
    if (code.startsWith('<script>')) return `<!doctype html><html><head>${code}</head></html>`;
    const file = await packageFile(code);
    return bundledPage(file).finally(() => rm(file));
  };
  for (const { heading, needle, ours, elsewhere } of PAGES) {
    test(`${heading}: ${needle}`, async () => {
      const code = quickstartBlock(heading, needle);
      const count = (await server.sql(`select 1 from events where type = 'page'`)).length;
      const { page, hosts } = await site.visit(await pageOf(filledIn(code, WRITE_KEY, server.url)));
      await server.sqlUntil(
        `select 1 from events where type = 'page'`,
        (rows) => rows.length > count,
      );
      assert.deepEqual([...hosts], [new URL(server.url).host]);
      await page.close();
      const stray = await site.visit(
        await pageOf(filledIn(without(code, ...ours), WRITE_KEY, server.url)),
      );
      await until('the guard sees it', () => stray.hosts.has(elsewhere), RUN_MS_MAX);
      await stray.page.close();
    });
  }
});

test('every block of the document is run, or below words that say it was read', () => {
  const run = [...PROGRAMS, ...PAGES, { heading: 'Kotlin', needle: 'Configuration' }];
  const unknown = quickstartBlocks()
    .filter(({ section }) => !section.includes('Read, not run'))
    .filter(({ heading, code }) => {
      return !run.some((each) => each.heading === heading && code.includes(each.needle));
    });
  assert.deepEqual(unknown, []);
});
