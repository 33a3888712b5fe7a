/**
 * Registers every route of the HTTP API, and one more route that answers unknown paths with a JSON problem.
 * `registerOrdinal` calls it. Every route needs a function key: no route may be anonymous.
 */
import { randomUUID } from 'node:crypto';
import type { HttpRequest, InvocationContext } from '@azure/functions';
import * as df from 'durable-functions';
import { withTag } from '../http/etag.ts';
import { answer } from '../http/problem.ts';
import type { Handler } from '../http/request-context.ts';
import { routes, unknownRoute } from '../http/routes.ts';
import type { AppContext } from './app-context.ts';
import { durableRuns } from './durable-runs.ts';

/** Registers all routes. */
export function registerHttp({ environment }: AppContext): void {
  const through = (handler: Handler) => async (request: HttpRequest, _client: unknown, context: InvocationContext) => {
    const answered = await answer(() => {
      const hostname = process.env.WEBSITE_HOSTNAME;
      const runs = durableRuns(context);
      return handler({ environment: environment(), runs, now: new Date(), newRunId: randomUUID, hostname }, request);
    });
    return withTag(request, answered);
  };

  for (const { name, method, path, handler } of routes) {
    df.app.client.http(name, { route: path, methods: [method], authLevel: 'function', handler: through(handler) });
  }

  df.app.client.http(unknownRoute.name, {
    route: unknownRoute.path,
    methods: unknownRoute.methods,
    authLevel: 'function',
    handler: through(unknownRoute.handler),
  });
}
