/**
 * The HTTP API: every route with its handler and the shapes of its answers. `src/registration/http.ts` registers the routes,
 * and the OpenAPI document is made of them.
 */

import type { HttpMethod } from '@azure/functions';
import { z } from 'zod';
import { ownVersion } from '../environment/version.ts';
import { OrdinalError } from '../errors.ts';
import { fileRowsSchema } from '../view/first-rows.ts';
import { timelineViewSchema } from '../view/timeline-view.ts';
import { arrivalsSchema, getArrivals } from './arrivals.ts';
import { cancelBackfill, getBackfill, listBackfills, startBackfill } from './backfills.ts';
import { getLedger, getPipeline, getSequence, listPipelines, listSequences } from './catalogue.ts';
import { runDoctor } from './doctor.ts';
import { getKeys, keyDetailSchema, keyListSchema, listKeys } from './keys.ts';
import { listRuns } from './list-runs.ts';
import { openApi } from './openapi.ts';
import { json, problem } from './problem.ts';
import type { Route } from './request-context.ts';
import { type Handler, rootOf } from './request-context.ts';
import { getRows, rowsQuerySchema } from './rows.ts';
import { cancelRun, getOutcome, getRun, outcomeQuerySchema, restartRun } from './runs.ts';
import * as schemas from './schemas.ts';
import { startRun } from './start.ts';
import { getTimeline, timelineQuerySchema } from './timeline.ts';
import { getWithdrawal, withdrawRun } from './withdraw.ts';

/** What a start and a restart answer. */
const startAnswers: Route['answers'] = {
  200: {
    description: 'It has succeeded before, and nothing was started: the run.',
    schema: schemas.startedBeforeSchema,
  },
  202: { description: 'Started (`created`), or going on: follow Location.', schema: schemas.startedSchema },
};

export const routes: readonly Route[] = [
  {
    name: 'startRun',
    method: 'POST',
    path: 'pipelines/{pipeline}/runs',
    summary: 'Start a run. The same run ID is the same run.',
    handler: startRun,
    body: schemas.startBodySchema,
    headers: { 'Idempotency-Key': 'A request sent again with the same key is answered with the run of the first.' },
    answers: startAnswers,
  },
  {
    name: 'listRuns',
    method: 'GET',
    path: 'runs',
    summary: 'Runs, by page, the newest first.',
    handler: listRuns,
    query: schemas.listQuerySchema,
    answers: { 200: { description: 'A page.', schema: schemas.runListSchema } },
  },
  {
    name: 'getRun',
    method: 'GET',
    path: 'runs/{runId}',
    summary: 'A run as it is now.',
    handler: getRun,
    answers: { 200: { description: 'The run.', schema: schemas.runViewSchema } },
  },
  {
    name: 'getOutcome',
    method: 'GET',
    path: 'runs/{runId}/outcome',
    summary: 'For callers that follow a 202: how the run ended, once it has.',
    handler: getOutcome,
    query: outcomeQuerySchema,
    answers: {
      200: {
        description: 'Ended with success, or ended at all with failOnError=false.',
        schema: schemas.runViewSchema,
      },
      202: { description: 'Going on: ask again at Location after Retry-After seconds.', schema: schemas.pendingSchema },
      500: { description: 'Ended without success.', schema: schemas.failedRunSchema },
    },
  },
  {
    name: 'getTimeline',
    method: 'GET',
    path: 'runs/{runId}/timeline',
    summary: 'When each batch was queued, started and ended, and on which worker.',
    handler: getTimeline,
    query: timelineQuerySchema,
    answers: { 200: { description: 'The timeline of the newest life.', schema: timelineViewSchema } },
  },
  {
    name: 'cancelRun',
    method: 'POST',
    path: 'runs/{runId}/cancel',
    summary: 'End a run. What it holds is given back.',
    handler: cancelRun,
    body: schemas.reasonBodySchema,
    answers: {
      200: { description: 'It had ended.', schema: schemas.canceledSchema },
      202: { description: 'It will end soon.', schema: schemas.canceledSchema },
    },
  },
  {
    name: 'restartRun',
    method: 'POST',
    path: 'runs/{runId}/restart',
    summary: 'Start a failed or ended run once more, by its own input.',
    handler: restartRun,
    answers: startAnswers,
  },
  {
    name: 'takeBackRun',
    method: 'POST',
    path: 'runs/{runId}/withdraw',
    summary: 'Take a published run back: its files go, what it read is new again, its IDs are given to nobody.',
    handler: withdrawRun,
    body: schemas.reasonBodySchema,
    answers: { 202: { description: 'Asked for: see statusUrl.', schema: schemas.withdrawalStartedSchema } },
  },
  {
    name: 'getWithdrawal',
    method: 'GET',
    path: 'runs/{runId}/withdrawal',
    summary: 'How far a withdrawal is.',
    handler: getWithdrawal,
    answers: { 200: { description: 'The withdrawal.', schema: schemas.withdrawalSchema } },
  },
  {
    name: 'startBackfill',
    method: 'POST',
    path: 'pipelines/{pipeline}/backfill',
    summary: 'Read a large source in several runs, in order. The same ID goes on where it stopped.',
    handler: startBackfill,
    body: schemas.backfillBodySchema,
    answers: { 202: { description: 'Started, or started before.', schema: schemas.backfillStartedSchema } },
  },
  {
    name: 'listBackfills',
    method: 'GET',
    path: 'backfills',
    summary: 'Backfills, the newest first.',
    handler: listBackfills,
    query: schemas.backfillListQuerySchema,
    answers: { 200: { description: 'Backfills.', schema: schemas.backfillListSchema } },
  },
  {
    name: 'getBackfill',
    method: 'GET',
    path: 'backfills/{backfillId}',
    summary: 'How far a backfill is.',
    handler: getBackfill,
    answers: { 200: { description: 'The backfill.', schema: schemas.backfillSchema } },
  },
  {
    name: 'cancelBackfill',
    method: 'POST',
    path: 'backfills/{backfillId}/cancel',
    summary: 'Start no further runs of a backfill. Those under way go on.',
    handler: cancelBackfill,
    answers: { 202: { description: 'It starts no more.', schema: schemas.backfillStartedSchema } },
  },
  {
    name: 'getLedger',
    method: 'GET',
    path: 'pipelines/{pipeline}/ledger',
    summary: 'How many versions of source blobs a pipeline has read, and which runs are reading some.',
    handler: getLedger,
    answers: { 200: { description: 'The ledger.', schema: schemas.ledgerSchema } },
  },
  {
    name: 'listPipelines',
    method: 'GET',
    path: 'pipelines',
    summary: 'All pipelines.',
    handler: listPipelines,
    answers: { 200: { description: 'Pipelines.', schema: schemas.pipelineListSchema } },
  },
  {
    name: 'getPipeline',
    method: 'GET',
    path: 'pipelines/{pipeline}',
    summary: 'A pipeline, with its row contract as JSON Schema.',
    handler: getPipeline,
    answers: { 200: { description: 'The pipeline.', schema: schemas.pipelineDetailSchema } },
  },
  {
    name: 'listSequences',
    method: 'GET',
    path: 'sequences',
    summary: 'All sequences of IDs.',
    handler: listSequences,
    answers: { 200: { description: 'Sequences.', schema: schemas.sequenceListSchema } },
  },
  {
    name: 'getSequence',
    method: 'GET',
    path: 'sequences/{sequence}',
    summary: 'A sequence of IDs.',
    handler: getSequence,
    answers: { 200: { description: 'The sequence.', schema: schemas.sequenceSchema } },
  },
  {
    name: 'getArrivals',
    method: 'GET',
    path: 'pipelines/{pipeline}/arrivals',
    summary: 'Blobs that have arrived and wait, and blobs that were refused.',
    handler: getArrivals,
    answers: { 200: { description: 'Arrivals.', schema: arrivalsSchema } },
  },
  {
    name: 'getRows',
    method: 'GET',
    path: 'runs/{runId}/rows',
    summary: 'The first rows of a file that a run published, or of what it refused.',
    handler: getRows,
    query: rowsQuerySchema,
    answers: { 200: { description: 'Rows.', schema: fileRowsSchema } },
  },
  {
    name: 'listKeys',
    method: 'GET',
    path: 'keys',
    summary: 'All key indexes, and who holds their leases.',
    handler: listKeys,
    answers: { 200: { description: 'Key indexes.', schema: keyListSchema } },
  },
  {
    name: 'getKeys',
    method: 'GET',
    path: 'keys/{index}',
    summary: 'A key index, with its partitions and segments.',
    handler: getKeys,
    answers: { 200: { description: 'The key index.', schema: keyDetailSchema } },
  },
  {
    name: 'getAbout',
    method: 'GET',
    path: 'about',
    summary: 'What this app is, and what its monitor page offers.',
    handler: async ({ environment }) =>
      json(200, { name: 'ordinal', version: ownVersion(), monitor: { actions: environment.config.monitorActions } }),
    answers: { 200: { description: 'The app.', schema: schemas.aboutSchema } },
  },
  {
    name: 'runDoctor',
    method: 'POST',
    path: 'doctor',
    summary: 'Look at the set-up: settings, storage and roles, triggers, versions.',
    handler: runDoctor,
    answers: { 200: { description: 'What was found.', schema: schemas.doctorSchema } },
  },
  {
    name: 'getOpenApi',
    method: 'GET',
    path: 'openapi.json',
    summary: 'This document.',
    handler: async (door, request) => json(200, openApi(routes, rootOf(door, request, 1).href)),
    answers: { 200: { description: 'OpenAPI 3.1.', schema: z.looseObject({ openapi: z.string() }) } },
  },
];

/** The methods that a path below the API's root takes. */
function methodsAt(path: string): HttpMethod[] {
  const segments = path.split('/');
  const at = routes.filter((route) => {
    const template = route.path.split('/');
    return template.length === segments.length && template.every((t, i) => t.startsWith('{') || t === segments[i]);
  });
  return [...new Set(at.map(({ method }) => method))];
}

/**
 * The route for every other path below the API's root: it answers with a JSON problem. The Functions host tries routes
 * in the alphabetical order of their functions' names and not by their templates (Azure/azure-functions-host#9876). So
 * this name must be the last one.
 */
export const unknownRoute = {
  name: 'unknownRoute',
  path: '{*rest}',
  methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] satisfies HttpMethod[],
  handler: (async (_, request) => {
    const { pathname } = new URL(request.url);
    const asked = `${request.method} ${pathname.slice(0, 200)}`;
    const methods = methodsAt(request.params.rest ?? '');
    if (methods.length > 0) {
      const allow = methods.join(', ');
      const refused = problem(
        new OrdinalError('MethodNotAllowed', `${asked}: this resource takes ${allow} only`, {
          remedy: `Send ${methods.join(' or ')}: /api/openapi.json has all paths and methods.`,
        }),
      );
      return { ...refused, headers: { ...refused.headers, allow } };
    }
    throw new OrdinalError('UnknownRoute', `${asked} is not a resource of this API`, {
      remedy: 'See /api/openapi.json for paths and methods.',
    });
  }) satisfies Handler,
};
