/**
 * The collector's public surface: paths, methods, and nothing else. Paths are matched exactly and
 * case-sensitively, with or without one trailing slash. Doubled slashes are one, because mobile
 * SDKs put a path behind a host that ends in a slash; encoded ones do not match.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ROUTES } from '../events/routes.ts';
import type { Route } from '../events/routes.ts';
import { answerError, answerJson } from './answers.ts';
import type { HeaderList } from './answers.ts';
import { readBody } from './body.ts';
import type { CollectContext } from './context.ts';
import { answerPreflight, pushCorsHeaders } from './cors.ts';
import { handleIngest } from './ingest.ts';
import { handlePixel } from './pixel.ts';
import { hasSeveralHosts, targetOf } from './request-target.ts';
import { handleSourceConfig, MERGE_PATH, refuseMerge, SOURCE_CONFIG_PATH } from './rudder.ts';
import type { SdkFiles } from './sdk-files.ts';
import { sdkSettings } from './sdk-settings.ts';
import { handleToken, TOKEN_PATH } from './token-route.ts';

const SETTINGS_PATH = /^\/(?:v1\/)?projects\/([A-Za-z0-9_-]{1,128})\/settings\/?$/;
const LOADER_PATH =
  /^\/analytics\.js\/v1\/([A-Za-z0-9_-]{1,128})\/(?:platform\/)?analytics(?:\.min|\.classic)?\.js$/;
const BUNDLE_PATH = /^\/analytics-next\/bundles\/([A-Za-z0-9._-]{1,128})$/;
const SDK_METRICS_PATH = /^\/v1\/m\/?$/;
const SDK_METRICS_BYTES_MAX = 65_536;

/** Event routes by every path that reaches them. */
const EVENT_PATHS = new Map<string, Route>();
const PIXEL_PATHS = new Map<string, Route>();
for (const route of ROUTES) {
  const paths = route.isPixel ? PIXEL_PATHS : EVENT_PATHS;
  paths.set(`/v1/${route.name}`, route).set(`/v1/${route.name}/`, route);
  if (route.name === 'b' || route.name === 'batch') {
    paths.set(`/${route.name}`, route).set(`/${route.name}/`, route);
  }
  // RudderStack's browser SDK with `useBeacon`.
  if (route.name === 'b') paths.set('/beacon/v1/batch', route).set('/beacon/v1/batch/', route);
}

/** Returns the request listener of a collector server. */
export function createRouter(
  context: CollectContext,
  files: SdkFiles,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    if (!context.isAccepting()) response.shouldKeepAlive = false;
    if (hasSeveralHosts(request)) return answerSeveralHosts(context, request, response);
    const { path, query } = targetOf(request);
    const route = EVENT_PATHS.get(path);
    if (route !== undefined && request.method === 'POST') {
      handleIngest(context, route, request, response, query);
    } else if (request.method === 'OPTIONS') {
      answerPreflight(request, response, context.settings.corsOrigins);
    } else {
      handleOther(context, files, request, response, path, query, route !== undefined);
    }
  };
}

function handleOther(
  context: CollectContext,
  files: SdkFiles,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  query: string,
  isEventPath: boolean,
): void {
  const headers: HeaderList = [];
  pushCorsHeaders(headers, request, context.settings.corsOrigins);
  if (isEventPath) return answerMethod(response, headers, 'POST, OPTIONS');
  if (request.method === 'POST' && SDK_METRICS_PATH.test(path)) {
    return handleSdkMetrics(context, request, response, headers);
  }
  if (request.method === 'POST' && TOKEN_PATH.test(path)) {
    return handleToken(context, request, response, headers);
  }
  if (request.method === 'POST' && MERGE_PATH.test(path)) {
    return refuseMerge(context, response, headers);
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return answerMissing(response, headers);
  }
  const pixel = PIXEL_PATHS.get(path);
  if (pixel) return handlePixel(context, pixel, request, response, query);
  const settingsKey = SETTINGS_PATH.exec(path)?.[1];
  if (settingsKey !== undefined) {
    return handleSettings(context, request, response, headers, settingsKey);
  }
  if (SOURCE_CONFIG_PATH.test(path)) {
    return handleSourceConfig(context, request, response, headers, query);
  }
  const loaderKey = LOADER_PATH.exec(path)?.[1];
  if (loaderKey !== undefined) return files.answerLoader(request, response, headers, loaderKey);
  const bundle = BUNDLE_PATH.exec(path)?.[1];
  if (bundle !== undefined && files.answerBundle(request, response, headers, bundle)) return;
  answerMissing(response, headers);
}

/** SDKs fail to load on anything but 200 here, so an unknown key is the only refusal. */
function handleSettings(
  context: CollectContext,
  request: IncomingMessage,
  response: ServerResponse,
  headers: HeaderList,
  writeKey: string,
): void {
  const found = context.authenticator.fromBody(writeKey, undefined, request.headers.host);
  if (!found.ok) return answerMissing(response, headers);
  headers.push('Cache-Control', 'public, max-age=60');
  const { source } = found.access;
  answerJson(response, 200, headers, sdkSettings(context.settings, writeKey, source, request));
}

/** SDKs report their own health here; it is counted, not stored, and never refused. */
function handleSdkMetrics(
  context: CollectContext,
  request: IncomingMessage,
  response: ServerResponse,
  headers: HeaderList,
): void {
  readBody(request, SDK_METRICS_BYTES_MAX, (result) => {
    if (result.ok) context.cells.sdkMetrics.value++;
    answerJson(response, 200, headers, { success: true });
  });
}

/** One of them may be what a proxy believed (RFC 9112 section 3.2). */
function answerSeveralHosts(
  context: CollectContext,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const headers: HeaderList = ['Connection', 'close'];
  pushCorsHeaders(headers, request, context.settings.corsOrigins);
  context.cells.status(400).value++;
  answerError(response, headers, {
    status: 400,
    type: 'validation_error',
    code: 'BAD_REQUEST',
    message: 'A request has one Host header',
    field: 'Host',
  });
}

function answerMethod(response: ServerResponse, headers: HeaderList, allow: string): void {
  headers.push('Allow', allow);
  answerError(response, headers, {
    status: 405,
    type: 'method_not_allowed',
    code: 'method_not_allowed',
    message: `Use ${allow}`,
  });
}

function answerMissing(response: ServerResponse, headers: HeaderList): void {
  answerError(response, headers, {
    status: 404,
    type: 'not_found',
    code: 'not_found',
    message: 'Not found',
  });
}
