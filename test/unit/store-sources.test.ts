import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, test } from 'node:test';
import { parseConfig } from '../../src/config/load-config.ts';
import { authSnapshot } from '../../src/store/sources/auth-snapshot.ts';
import { applyDeclaredSources } from '../../src/store/sources/declared-sources.ts';
import {
  createSource,
  deleteSource,
  ensureInternalSource,
  findSource,
  listSources,
  listSourcesEver,
  setSourceEnabled,
} from '../../src/store/sources/sources.ts';
import { closeStore, dataVersion, openStore } from '../../src/store/store.ts';
import type { Store } from '../../src/store/store.ts';
import { createKey, disableKey, listKeys } from '../../src/store/sources/write-keys.ts';
import { ensureWorkspace } from '../../src/store/workspace/workspaces.ts';
import { forEachEngine } from '../support/store-engines.ts';
import { until } from '../support/until.ts';

forEachEngine((engine) => {
  let store: Store;

  beforeEach(() => {
    store = openStore(engine.place);
  });

  afterEach(() => {
    closeStore(store);
  });

  const KEY_A = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
  const KEY_B = 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb';

  function apply(yaml: string): void {
    applyDeclaredSources(store, parseConfig({ written: yaml }).sources);
  }

  function keyStates(): string[] {
    return listKeys(store).map((key) => `${key.sourceSlug} ${key.hint} ${key.state}`);
  }

  test('a source is found by slug and id after the store is opened again', () => {
    const limits = { requestsPerSecond: 5 };
    const made = createSource(store, { name: 'Étoile Shop!', region: 'us', limits, ip: 'drop' });
    closeStore(store);
    store = openStore(engine.place);
    assert.deepEqual(findSource(store, 'etoile-shop'), made);
    assert.deepEqual(findSource(store, made.id), made);
    assert.deepEqual(made.limits, limits);
    assert.equal(made.environment, 'production');
    assert.equal(findSource(store, 'other'), undefined);
  });

  test('source numbers rise and are not used again', () => {
    const first = createSource(store, { name: 'a', region: 'us' });
    const second = createSource(store, { name: 'b', region: 'us' });
    store.database.exec(`delete from sources where slug = 'b'`);
    assert.ok(createSource(store, { name: 'c', region: 'us' }).number > second.number);
    assert.ok(second.number > first.number);
  });

  test('a taken slug is a conflict, a bad one is refused', () => {
    createSource(store, { name: 'Shop', region: 'us' });
    assert.throws(() => createSource(store, { name: 'shop', region: 'us' }), { code: 'CONFLICT' });
    for (const slug of ['', 'Shop', 'a b', 'a/b', 'a'.repeat(65)]) {
      assert.throws(() => createSource(store, { name: 'x', slug, region: 'us' }), {
        code: 'INVALID_ARGUMENT',
        field: 'slug',
      });
    }
    assert.throws(() => createSource(store, { name: '', slug: 'x', region: 'us' }), {
      code: 'INVALID_ARGUMENT',
      field: 'name',
    });
    assert.equal(listSources(store).length, 1);
  });

  test("Millrace's own source is made once, listed for readers only, and nobody else's", () => {
    const own = { name: 'Canary', slug: 'millrace-canary', region: 'us' };
    assert.throws(() => createSource(store, own), { code: 'INVALID_ARGUMENT', field: 'slug' });
    const made = ensureInternalSource(store, own);
    assert.deepEqual(ensureInternalSource(store, own), made);
    assert.deepEqual(listSources(store), []);
    assert.deepEqual(listSourcesEver(store), [made]);
    for (const name of [made.slug, made.id]) {
      assert.equal(findSource(store, name), undefined);
      assert.throws(() => setSourceEnabled(store, name, false), { code: 'NOT_FOUND' });
      assert.throws(() => deleteSource(store, name), { code: 'NOT_FOUND' });
      assert.throws(() => createKey(store, name), { code: 'NOT_FOUND' });
    }
    store.database.exec(`update sources set is_enabled = 0`);
    assert.equal(ensureInternalSource(store, own).number, made.number);
    assert.equal(listSourcesEver(store)[0]?.isEnabled, true, 'it flies again');
    store.database.exec(`update sources set deleted_at_ms = 1, is_enabled = 0`);
    const elsewhere = ensureInternalSource(store, { ...own, region: 'eu' });
    assert.deepEqual([elsewhere.number, elsewhere.region], [made.number, 'us'], 'with its data');
    assert.deepEqual(listSourcesEver(store), [elsewhere]);
  });

  test('the first workspace stays the only one', () => {
    const workspace = ensureWorkspace(store, 'Acme');
    assert.deepEqual(ensureWorkspace(store, 'Other'), workspace);
    assert.equal(createSource(store, { name: 'a', region: 'us' }).workspaceId, workspace.id);
  });

  test('declared sources are created, then updated, and keep number and id', () => {
    apply(`sources: [{name: Shop, slug: shop, writeKeys: [${KEY_A}], limits: {burst: 9}}]`);
    const made = findSource(store, 'shop');
    apply(`sources: [{name: Shop 2, slug: shop, writeKeys: [${KEY_A}], responses: lenient}]`);
    const updated = findSource(store, 'shop');
    assert.equal(updated?.number, made?.number);
    assert.equal(updated?.id, made?.id);
    assert.equal(updated?.name, 'Shop 2');
    assert.equal(updated?.responses, 'lenient');
    assert.deepEqual(updated?.limits, {});
    assert.equal(listKeys(store).length, 1);
  });

  test('a key that leaves the declaration is disabled, and comes back with it', () => {
    apply(`sources: [{name: S, slug: s, writeKeys: [${KEY_A}, ${KEY_B}]}]`);
    apply(`sources: [{name: S, slug: s, writeKeys: [${KEY_B}]}]`);
    assert.deepEqual(keyStates(), ['s aaaa…aa disabled', 's bbbb…bb active']);
    apply(`sources: [{name: S, slug: s, writeKeys: [${KEY_A}]}]`);
    assert.deepEqual(keyStates(), ['s aaaa…aa active', 's bbbb…bb disabled']);
    apply('sources: []');
    assert.deepEqual(keyStates(), ['s aaaa…aa disabled', 's bbbb…bb disabled']);
  });

  test('keys that a person made or disabled are left alone by the declaration', () => {
    const yaml = `sources: [{name: S, slug: s, writeKeys: [${KEY_A}]}]`;
    apply(yaml);
    const made = createKey(store, 's');
    disableKey(store, KEY_A);
    apply(yaml);
    assert.deepEqual(
      listKeys(store).map(({ state }) => state),
      ['disabled', 'active'],
    );
    apply('sources: []');
    assert.equal(listKeys(store).find(({ id }) => id === made.id)?.state, 'active');
  });

  test('a declared key moves with its declaration to another source', () => {
    apply(`sources: [{name: S, slug: old, writeKeys: [${KEY_A}]}]`);
    apply(`sources: [{name: S, slug: new, writeKeys: [${KEY_A}]}]`);
    assert.deepEqual(keyStates(), ['new aaaa…aa active']);
  });

  test('declaring a key that a person made for another source is refused, changing nothing', () => {
    createSource(store, { name: 'Mine', region: 'us' });
    const { key } = createKey(store, 'mine');
    assert.throws(() => apply(`sources: [{name: S, slug: s, writeKeys: [${key}]}]`), {
      code: 'CONFIG_INVALID',
      field: 'sources[0].writeKeys[0]',
    });
    assert.equal(findSource(store, 's'), undefined);
  });

  test('a source never changes its region', () => {
    const regions = 'regions: {us: {}, eu: {}}\n';
    apply(`${regions}sources: [{name: S, slug: s, region: us}]`);
    assert.throws(() => apply(`${regions}sources: [{name: S, slug: s, region: eu}]`), {
      code: 'CONFIG_INVALID',
      field: 'sources[0].region',
    });
    assert.equal(findSource(store, 's')?.region, 'us');
  });

  test('the snapshot gives each source its own limits, else the general ones', () => {
    const config = parseConfig({
      written: [
        'limits: {requestsPerSecond: 100, burst: 300, eventBytesMax: 2000}',
        'regions: {us: {hosts: [US.example]}}',
        'sources:',
        '  - {name: A, slug: a}',
        '  - {name: B, slug: b, limits: {requestsPerSecond: 7, batchEventsMax: 3}}',
      ].join('\n'),
    });
    applyDeclaredSources(store, config.sources);
    setSourceEnabled(store, 'b', false);
    const { sources, keys, regions } = authSnapshot(store, config);
    assert.deepEqual(sources[0]?.limits, {
      requestsPerSecond: 100,
      burst: 300,
      requestBytesMax: 512_000,
      eventBytesMax: 2_000,
      batchEventsMax: 2_500,
    });
    assert.equal(sources[1]?.limits.burst, 7);
    assert.equal(sources[1]?.limits.batchEventsMax, 3);
    assert.deepEqual(
      sources.map(({ enabled }) => enabled),
      [true, false],
    );
    assert.deepEqual(keys, []);
    assert.deepEqual(regions, [{ name: 'us', hosts: ['us.example'] }]);
  });

  test('a deleted source is in no list, and its keys stay refused when it is made again', () => {
    const made = createSource(store, { name: 'Shop', slug: 'shop', region: 'us' });
    const { key } = createKey(store, 'shop');
    deleteSource(store, made.id);
    assert.equal(findSource(store, 'shop'), undefined);
    assert.equal(findSource(store, made.id), undefined);
    assert.deepEqual(listSources(store), []);
    assert.partialDeepStrictEqual(listSourcesEver(store), [{ slug: 'shop', isDeleted: true }]);
    assert.throws(() => deleteSource(store, 'shop'), { code: 'NOT_FOUND' });
    assert.throws(() => createSource(store, { name: 'Shop', slug: 'shop', region: 'eu' }), {
      code: 'CONFLICT',
      field: 'region',
    });
    const again = createSource(store, { name: 'Shop 2', slug: 'shop', region: 'us' });
    assert.deepEqual([again.number, again.id], [made.number, made.id], 'its events are its own');
    assert.deepEqual([again.name, again.isEnabled], ['Shop 2', true]);
    assert.deepEqual(
      listKeys(store, 'shop').map(({ hint, state }) => [hint.slice(0, 3), state]),
      [[key.slice(0, 3), 'disabled']],
    );
  });

  test('a change by another process changes the data version, and is seen', async () => {
    const before = dataVersion(store);
    createSource(store, { name: 'own', region: 'us' });
    assert.equal(dataVersion(store), before, 'one knows of his own changes');
    const file = new URL('../../src/store/', import.meta.url).href;
    const script = `
    import { openStore } from '${file}store.ts';
    import { createSource } from '${file}sources/sources.ts';
    createSource(openStore(JSON.parse(process.argv[1])), { name: 'other', region: 'us' });`;
    const args = ['--input-type=module-typescript', '-e', script, JSON.stringify(engine.place)];
    execFileSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    await until('it is noticed', () => dataVersion(store) !== before);
    assert.equal(findSource(store, 'other')?.name, 'other');
  });
});
