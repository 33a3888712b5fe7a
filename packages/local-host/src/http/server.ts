/**
 * The host's HTTP server: HTTP functions, the durable webhooks, and the few admin routes that exist here. `host.ts`
 * starts it. Every request to the public port is checked by `loopback-only.ts` first.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AppFunction, FunctionTable } from '../functions.ts';
import type { Logger } from '../logging.ts';
import type { RunningTriggers } from '../triggers/start.ts';
import type { WorkerPool } from '../worker/pool.ts';
import { FunctionError, FunctionTimeout, WorkerLost } from '../worker/process.ts';
import { type HostKeys, mayInvoke, mayUseWebhooks, requestKey } from './auth.ts';
import { webhookPath } from './client-binding.ts';
import type { DurableApi } from './durable-api.ts';
import { httpInvocation, respond } from './function-http.ts';
import { streamFunction } from './function-stream.ts';
import { refusalOf } from './loopback-only.ts';
import { type Answer, BodyTooLarge, problem, readBody, send } from './messages.ts';
import { compareRoutes, decode, matchRoute, parseRoute, type RouteTemplate } from './route-template.ts';
import type { Throttle } from './throttle.ts';

export interface HttpRoute {
  found: AppFunction;
  route: RouteTemplate;
  methods: string[];
  level: string;
}

/** The HTTP functions' routes, the most specific first. @throws when a template is malformed. */
export function httpRoutes(functions: FunctionTable, prefix: string): HttpRoute[] {
  const routes = functions.ofKind('http').map((found): HttpRoute => {
    const { route, methods, authLevel } = found.trigger as { route?: string; methods?: string[]; authLevel?: string };
    const path = [prefix, route ?? found.name].filter((part) => part !== '').join('/');
    return {
      found,
      route: parseRoute(path),
      methods: (methods ?? []).map((method) => method.toUpperCase()),
      level: authLevel ?? 'function',
    };
  });
  return routes.sort((a, b) => compareRoutes(a.route, b.route));
}

export interface HttpOptions {
  routes: HttpRoute[];
  pool: WorkerPool;
  api: DurableApi;
  clientValue: string;
  publicUrl: string;
  keys: HostKeys | undefined;
  timeoutMs: number | undefined;
  bodyBytesMax: number;
  throttle: Throttle;
  logger: Logger;
  triggers: RunningTriggers;
}

/** Answers a request to the host: an HTTP function, the durable webhooks, or one of the few admin routes. */
export async function handleRequest(
  options: HttpOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const refusal = refusalOf(request.headers);
  if (refusal !== undefined) {
    send(response, problem(403, refusal));
    return;
  }
  const url = new URL(request.url ?? '/', `http://${request.headers.host ?? new URL(options.publicUrl).host}`);
  const path = url.pathname;
  if (path === '/' || path.startsWith('/admin/host/')) {
    // When keys are needed, a request without one learns only that the host runs.
    if (options.keys && !mayInvoke(options.keys, 'admin', '', requestKey(request, url))) {
      send(response, { status: path === '/' ? 200 : 401 });
      return;
    }
    const processUptime = Math.round(process.uptime() * 1000);
    const body = { id: 'local', state: 'Running', processUptime, pid: process.pid, workers: options.pool.pids() };
    send(response, { status: 200, body });
    return;
  }
  if (path.startsWith('/admin/functions/') || path === '/runtime/webhooks/blobs') {
    if (options.keys && !mayUseWebhooks(options.keys, requestKey(request, url))) send(response, { status: 401 });
    else send(response, await handleTrigger(options, request, url));
    return;
  }
  if (path.toLowerCase().startsWith(`${webhookPath}/`)) {
    await handleWebhook(options, request, response, url);
    return;
  }
  const method = (request.method ?? 'GET').toUpperCase();
  for (const each of options.routes) {
    if (each.methods.length > 0 && !each.methods.includes(method)) continue;
    const parameters = matchRoute(each.route, path);
    if (parameters !== undefined) {
      const run = () => handleFunction(options, each, parameters, request, response, url);
      if (!(await options.throttle.run(run))) send(response, { status: 429 });
      return;
    }
  }
  send(response, { status: 404 });
}

async function handleFunction(
  options: HttpOptions,
  { found, level }: HttpRoute,
  parameters: Record<string, string>,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<void> {
  if (options.keys && !mayInvoke(options.keys, level, found.name, requestKey(request, url))) {
    send(response, { status: 401 });
    return;
  }
  const startedAt = performance.now();
  const method = request.method ?? 'GET';
  let status = 500;
  try {
    const { pool, clientValue, timeoutMs, bodyBytesMax } = options;
    const worker = await pool.worker('light');
    const { httpUri } = worker;
    if (httpUri !== undefined) {
      const call = { worker, httpUri, found, request, response, url, parameters, clientValue, timeoutMs, bodyBytesMax };
      await streamFunction(call);
    } else {
      const body = await readBody(request, bodyBytesMax);
      const invocation = httpInvocation(found, request, url, parameters, body, clientValue);
      const result = await pool.invoke('light', invocation, timeoutMs);
      respond(response, found, result, method);
    }
    status = response.statusCode;
  } catch (error) {
    status = statusOf(error);
    if (error instanceof FunctionError) options.logger.log('error', found.name, error.thrown.stack || error.message);
    else options.logger.log('error', found.name, error instanceof Error ? error.message : String(error));
    // When an answer has already begun, the caller must see that it is not complete.
    if (response.headersSent) response.destroy();
    else send(response, { status });
  }
  const tookMs = Math.round(performance.now() - startedAt);
  options.logger.log('information', 'http', `${method} ${url.pathname} ${status} in ${tookMs} ms (${found.name})`);
}

function statusOf(error: unknown): number {
  if (error instanceof BodyTooLarge) return 413;
  if (error instanceof WorkerLost) return 502;
  return error instanceof FunctionTimeout ? 504 : 500;
}

/** Runs a timer function by hand, or accepts a delivery of Event Grid. */
async function handleTrigger(options: HttpOptions, request: IncomingMessage, url: URL): Promise<Answer> {
  const body = await readBody(request, options.bodyBytesMax);
  if (request.method !== 'POST') return { status: 404 };
  const name = url.pathname.split('/')[3];
  if (url.pathname.startsWith('/admin/')) return { status: options.triggers.runTimer(name ?? '') ? 202 : 404 };
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    const events = (Array.isArray(parsed) ? parsed : [parsed]) as Record<string, unknown>[];
    const answer = await options.triggers.receiveBlobEvents(url.searchParams.get('functionName') ?? '', events);
    return answer === undefined ? { status: 202 } : { status: 200, body: answer };
  } catch (error) {
    return problem(400, error instanceof Error ? error.message : String(error));
  }
}

async function handleWebhook(
  options: HttpOptions,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<void> {
  if (options.keys && !mayUseWebhooks(options.keys, requestKey(request, url))) {
    send(response, { status: 401 });
    return;
  }
  const body = await readBody(request, options.bodyBytesMax);
  await handleDurable(options.api, request, body, response, url, webhookPath, `${url.origin}${webhookPath}`);
}

/** Answers a request to the durable API, which lies below `basePath`. */
export async function handleDurable(
  api: DurableApi,
  request: IncomingMessage,
  body: Buffer,
  response: ServerResponse,
  url: URL,
  basePath: string,
  baseUrl: string,
): Promise<void> {
  const segments = url.pathname
    .slice(basePath.length + 1)
    .split('/')
    .map(decode);
  const answer = await api.handle({
    method: (request.method ?? 'GET').toUpperCase(),
    segments,
    query: url.searchParams,
    headers: request.headers,
    body,
    url: url.href,
    baseUrl,
  });
  send(response, answer);
}

/** An HTTP server whose handler's failures are answered with 500. */
export function listen(
  handler: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  port: number,
  logger: Logger,
): Promise<{ server: Server; port: number }> {
  const server = createServer((request, response) => {
    handler(request, response).catch((error: unknown) => {
      logger.log('error', 'http', error instanceof Error ? (error.stack ?? error.message) : String(error));
      if (!response.headersSent) send(response, problem(500, 'Something went wrong while processing your request'));
      else response.destroy();
    });
  });
  server.keepAliveTimeout = 60_000;
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const text =
        error.code === 'EADDRINUSE'
          ? `Port ${port} is in use. Stop what uses it, or give another with --port (0 for any free one).`
          : error.message;
      reject(new Error(text));
    });
    server.listen(port, '127.0.0.1', () => resolve({ server, port: (server.address() as AddressInfo).port }));
  });
}
