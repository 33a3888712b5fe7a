/**
 * `GET /api/runs/{runId}/timeline`: when each batch of a run was queued, started and ended, and on which worker.
 * `routes.ts` lists it. A run that has ended has one document for it; of one that goes on, its work folder is listed.
 */
import { z } from 'zod';
import { lifeInputSchema } from '../documents/documents.ts';
import { readTimeline, type Timeline } from '../documents/timeline.ts';
import { hasEnded } from '../durable/client.ts';
import { viewTimeline } from '../view/timeline-view.ts';
import { json, parseQuery } from './problem.ts';
import type { Handler } from './request-context.ts';
import { runOf } from './runs.ts';

export const timelineQuerySchema = z.looseObject({
  bars: z.coerce
    .number()
    .int()
    .min(0)
    .max(100_000)
    .optional()
    .describe('The most tasks of a phase that are listed one by one; of more, slots of time are counted.'),
});

export const getTimeline: Handler = async (door, request) => {
  const { bars } = parseQuery(timelineQuerySchema, request);
  const instance = await runOf(door, request);
  const { runId, life, claimedAt = instance.createdAt.toISOString() } = lifeInputSchema.parse(instance.input);
  const none: Timeline = { version: 1, runId, life, from: Date.parse(claimedAt), workers: [], groups: [] };
  const timeline = (await readTimeline(door.environment, { runId, life })) ?? none;
  return json(200, viewTimeline(timeline, bars, !hasEnded(instance)));
};
