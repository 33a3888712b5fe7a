/** HTTP doors. */
import { randomUUID } from 'node:crypto';
import * as df from 'durable-functions';
import { runHandlers } from '../src/http/runs.ts';
import { durableRuns } from './durable-runs.ts';
import { environment } from './environment.ts';

const handlers = runHandlers(environment, randomUUID);

df.app.client.http('startRun', {
  route: 'pipelines/{pipeline}/runs',
  methods: ['POST'],
  authLevel: 'function',
  handler: (request, client) => handlers.start(request, durableRuns(client)),
});

df.app.client.http('getRun', {
  route: 'runs/{runId}',
  methods: ['GET'],
  authLevel: 'function',
  handler: (request, client) => handlers.get(request, durableRuns(client)),
});
