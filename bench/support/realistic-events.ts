/**
 * Events as a shop with a million visitors sends them, about 1 kB each: some thousand visits at a
 * time, each of one browser, with pages, prices, ids and times at random. Data that repeats packs,
 * sorts and groups far better than real; data without visits, far worse.
 */
import { createHash, randomBytes, randomInt, randomUUID } from 'node:crypto';

const VISITORS = 1_000_000;
const VISITS_AT_ONCE = 3_000;
const EVENTS_PER_VISIT = 10;
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

interface Visit {
  visitor: number;
  anonymousId: string;
  userAgent: string;
  campaign: object | null;
  search: string;
}

const visits: Visit[] = [];

/** An event of a browser. @param sentMs when its batch is sent; it happened a little before. */
export function realisticEvent(sentMs: number): Record<string, unknown> {
  const visit = someVisit();
  const path = PAGES[randomInt(PAGES.length)] ?? '/';
  const kind = randomInt(10);
  // Every second visitor has signed in.
  const userId = visit.visitor % 2 === 0 ? `user_${visit.visitor}` : undefined;
  return {
    timestamp: new Date(sentMs - randomInt(20_000)).toISOString(),
    integrations: {},
    anonymousId: visit.anonymousId,
    ...(kind < 7 ? trackOf(path) : kind < 9 ? pageOf(path) : identifyOf(visit.visitor)),
    context: contextOf(visit, path),
    messageId: `ajs-next-${sentMs}-${randomUUID()}`,
    _metadata: { bundled: ['Segment.io'], unbundled: [], bundledIds: [] },
    ...(userId === undefined ? {} : { userId }),
  };
}

/** A batch of such events as a body. */
export function realisticBatch(count: number, sentMs: number = Date.now()): string {
  return JSON.stringify({
    batch: Array.from({ length: count }, () => realisticEvent(sentMs)),
    sentAt: new Date(sentMs).toISOString(),
  });
}

function someVisit(): Visit {
  const place = randomInt(VISITS_AT_ONCE);
  const visit = visits[place];
  if (visit && randomInt(EVENTS_PER_VISIT) > 0) return visit;
  const next = newVisit(randomInt(VISITORS));
  visits[place] = next;
  return next;
}

/** The same visitor comes with the same browser each time. */
function newVisit(visitor: number): Visit {
  const hex = createHash('sha1').update(`visitor ${visitor}`).digest('hex');
  const isAdvertised = randomInt(3) === 0;
  return {
    visitor,
    anonymousId: hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-a$4-$5'),
    userAgent: `${BROWSER}${100 + (visitor % 40)}.0.0.0 Safari/537.36`,
    campaign: isAdvertised ? { source: 'google', medium: 'cpc', name: 'brand' } : null,
    search: isAdvertised ? `?gclid=${randomBytes(24).toString('base64url')}` : '',
  };
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

function identifyOf(visitor: number): object {
  const plan = randomInt(2) === 0 ? 'free' : 'pro';
  const traits = { email: `u${visitor}@example.com`, plan, logins: randomInt(1000) };
  return { type: 'identify', traits };
}

function contextOf({ userAgent, campaign, search }: Visit, path: string): object {
  return {
    page: {
      path,
      referrer: '',
      search,
      title: `Shop ${path}`,
      url: `https://shop.example.com${path}`,
    },
    userAgent,
    locale: 'en-US',
    library: { name: 'analytics.js', version: 'npm:next-1.84.3' },
    timezone: 'Europe/Berlin',
    userAgentData: {
      brands: [{ brand: 'Chromium', version: '128' }],
      mobile: false,
      platform: 'macOS',
    },
    ...(campaign ? { campaign } : {}),
  };
}
