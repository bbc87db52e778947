/**
 * `event = Order` compared two absent fields: identify and page matched, the track named Order did
 * not, so that a filter that drops Order dropped all the rest. The same in triggers and replays.
 * Segment's own parser takes a bare word on the right for its text.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { replaySelection } from '../../src/deliver/replays.ts';
import {
  applyFilters,
  compileFilters,
  parseFilters,
} from '../../src/deliver/routing/destination-filters.ts';
import type { StoredEvent } from '../../src/events/raw-event.ts';
import { compileFql } from '../../src/fql/fql.ts';

const ORDER = { type: 'track', event: 'Order', userId: 'u' };
const OTHERS = [
  { type: 'identify', userId: 'u' },
  { type: 'page', userId: 'u', name: 'Order' },
  { type: 'track', event: 'Order Completed', userId: 'u' },
];

test('a filter that drops Order drops that, and nothing else', () => {
  const filters = compileFilters(
    parseFilters([{ if: 'event = Order', actions: [{ type: 'drop' }] }]),
  );
  assert.equal(applyFilters(filters, ORDER).kind, 'dropped');
  for (const other of OTHERS) assert.equal(applyFilters(filters, other).kind, 'pass');
});

test('a trigger matches what it names, in each way in which a word can be compared', () => {
  const matching = [
    'event = Order',
    'type = track and event = Order',
    'event in [Order, Refund]',
    'contains(event, Order) and event != Completed and type = track and !contains(event, " ")',
    'lowercase(event) = order',
  ];
  for (const query of matching) {
    assert.equal(compileFql(query)(ORDER), true, query);
    for (const other of OTHERS) assert.equal(compileFql(query)(other), false, query);
  }
});

test('a replay with that filter sends what it names', () => {
  const spec = { fromMs: 0, toMs: 10, events: [], filter: 'event = Order', eventsPerSecond: null };
  const isSelected = replaySelection(spec);
  const stored = (message: object) => ({ ...message, message, receivedAtMs: 5 }) as StoredEvent;
  assert.equal(isSelected(stored(ORDER)), true);
  for (const other of OTHERS) assert.equal(isSelected(stored(other)), false);
});
