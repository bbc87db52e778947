/**
 * Events as a shop with a million visitors sends them, about 1 kB each: true randomness in ids,
 * pages, prices and times, because data that repeats packs, sorts and groups far better than real.
 */
import { randomBytes, randomInt, randomUUID } from 'node:crypto';

const USERS = 1_000_000;
const NAMES = [
  'Product Viewed',
  'Order Completed',
  'Cart Viewed',
  'Product Added',
  'Signed Up',
  'Button Clicked',
  'Search Performed',
];
const PAGES = Array.from({ length: 400 }, (_, n) => `/products/category-${n}/item`);
const BROWSER =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/';

/** An event of a browser. @param sentMs when its batch is sent; it happened a little before. */
export function realisticEvent(sentMs: number): Record<string, unknown> {
  const path = PAGES[randomInt(PAGES.length)] ?? '/';
  const user = randomInt(USERS);
  const kind = randomInt(10);
  return {
    timestamp: new Date(sentMs - randomInt(20_000)).toISOString(),
    integrations: {},
    anonymousId: randomUUID(),
    ...(kind < 7 ? trackOf(path) : kind < 9 ? pageOf(path) : identifyOf(user)),
    context: contextOf(path),
    messageId: `ajs-next-${sentMs}-${randomUUID()}`,
    _metadata: { bundled: ['Segment.io'], unbundled: [], bundledIds: [] },
    ...(randomInt(2) === 0 ? {} : { userId: `user_${user}` }),
  };
}

/** A batch of such events as a body. */
export function realisticBatch(count: number, sentMs: number = Date.now()): string {
  return JSON.stringify({
    batch: Array.from({ length: count }, () => realisticEvent(sentMs)),
    sentAt: new Date(sentMs).toISOString(),
  });
}

function trackOf(path: string): object {
  const properties = {
    product_id: `sku-${randomInt(5000)}`,
    price: randomInt(1, 1_000_000) / 100,
    currency: 'EUR',
    quantity: 1 + randomInt(4),
    name: `Product number ${randomInt(5000)}`,
    category: `cat-${randomInt(40)}`,
    path,
  };
  return { type: 'track', event: NAMES[randomInt(NAMES.length)], properties };
}

function pageOf(path: string): object {
  const url = `https://shop.example.com${path}`;
  const properties = { path, referrer: '', search: '', title: `Shop ${path}`, url };
  return { type: 'page', name: 'Shop', properties };
}

function identifyOf(user: number): object {
  const plan = randomInt(2) === 0 ? 'free' : 'pro';
  const traits = { email: `u${user}@example.com`, plan, logins: randomInt(1000) };
  return { type: 'identify', traits };
}

function contextOf(path: string): object {
  const isAdvertised = randomInt(3) === 0;
  return {
    page: {
      path,
      referrer: '',
      search: isAdvertised ? `?gclid=${randomBytes(24).toString('base64url')}` : '',
      title: `Shop ${path}`,
      url: `https://shop.example.com${path}`,
    },
    userAgent: `${BROWSER}${100 + randomInt(40)}.0.0.0 Safari/537.36`,
    locale: 'en-US',
    library: { name: 'analytics.js', version: 'npm:next-1.84.3' },
    timezone: 'Europe/Berlin',
    userAgentData: {
      brands: [{ brand: 'Chromium', version: '128' }],
      mobile: false,
      platform: 'macOS',
    },
    ...(isAdvertised ? { campaign: { source: 'google', medium: 'cpc', name: 'brand' } } : {}),
  };
}
