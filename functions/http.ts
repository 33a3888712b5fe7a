/**
 * HTTP doors: every route of the API, and JSON for what is none. Each needs a function key. The Functions host loads
 * it. It must hold no work of its own.
 */
import { randomUUID } from 'node:crypto';
import type { HttpRequest, InvocationContext } from '@azure/functions';
import * as df from 'durable-functions';
import { answer } from '../src/http/problem.ts';
import type { Handler } from '../src/http/request-context.ts';
import { routes, unknownRoute } from '../src/http/routes.ts';
import { durableRuns } from './durable-runs.ts';
import { environment } from './environment.ts';

const through = (handler: Handler) => (request: HttpRequest, _client: unknown, context: InvocationContext) =>
  answer(() => {
    const hostname = process.env.WEBSITE_HOSTNAME;
    const runs = durableRuns(context);
    return handler({ environment: environment(), runs, now: new Date(), newRunId: randomUUID, hostname }, request);
  });

for (const { name, method, path, handler } of routes) {
  df.app.client.http(name, { route: path, methods: [method], authLevel: 'function', handler: through(handler) });
}

df.app.client.http(unknownRoute.name, {
  route: unknownRoute.path,
  methods: unknownRoute.methods,
  authLevel: 'function',
  handler: through(unknownRoute.handler),
});
