/**
 * The edge of every activity: input parsed by zod, size limits asserted, and errors returned as values, so that a
 * fan-out shows all its results and nothing depends on how the host words an exception.
 */

import { z } from 'zod';
import { callBackActivity, callBackInputSchema } from '../callback/activity.ts';
import { lifeSchema, planInputSchema, planRefSchema } from '../documents/documents.ts';
import type { Environment } from '../environment/environment.ts';
import { type ErrorLocation, type ErrorValue, OrdinalError, toErrorValue } from '../errors.ts';
import { limits } from '../limits.ts';
import { endLifeActivity, lowerLivesActivity } from '../lives/activities.ts';
import { planActivity } from '../plan/activity.ts';
import { previewActivity } from '../plan/preview-activity.ts';
import { footersActivity, footersInputSchema } from '../plan/read-source.ts';
import { publishActivity, publishInputSchema } from '../publish/activity.ts';
import {
  compactIndexActivity,
  compactInputSchema,
  extendIndexActivity,
  extendInputSchema,
} from '../publish/extend-index-activity.ts';
import { finishActivity, finishInputSchema } from '../publish/manifest-activity.ts';
import { resolveActivity, resolveInputSchema } from '../resolve/activity.ts';
import { discardActivity } from '../run/discard-activity.ts';
import { sealActivity, sealInputSchema, sealKeyedActivity, sealKeyedInputSchema } from '../seal/activity.ts';
import { bindActivity, bindInputSchema } from '../seal/assign-ids-activity.ts';
import { splitActivity } from '../split/activity.ts';
import { tallyActivity } from '../split/tally-activity.ts';
import { rebuildIndexActivity, rebuildIndexInputSchema } from '../upkeep/rebuild-index.ts';

export type ActivityResult<T> = { ok: true; value: T } | { ok: false; error: ErrorValue };

const batchSchema = planRefSchema.extend({ batch: z.int().nonnegative() });

/** All activities of a run by the name they are registered under. */
export const runActivities = {
  planRun: edge(planInputSchema, planActivity),
  readFooters: edge(footersInputSchema, footersActivity),
  splitBatch: edge(batchSchema, splitActivity),
  resolveKeys: edge(resolveInputSchema, resolveActivity),
  tallyRows: edge(planRefSchema, tallyActivity),
  bindIds: edge(bindInputSchema, bindActivity),
  sealBatches: edge(sealInputSchema, sealActivity),
  sealKeyed: edge(sealKeyedInputSchema, sealKeyedActivity),
  publishFile: edge(publishInputSchema, publishActivity),
  finishRun: edge(finishInputSchema, finishActivity),
  extendIndex: edge(extendInputSchema, extendIndexActivity),
  rebuildIndex: edge(rebuildIndexInputSchema, rebuildIndexActivity),
  compactIndex: edge(compactInputSchema, compactIndexActivity),
  lowerLives: edge(lifeSchema, lowerLivesActivity),
  discardRun: edge(lifeSchema, discardActivity),
  endLife: edge(lifeSchema, endLifeActivity),
  previewRun: edge(planRefSchema, previewActivity),
  callBackRun: edge(callBackInputSchema, callBackActivity),
};

export type RunActivity = keyof typeof runActivities;

/** What an activity gives when it succeeds. */
export type ActivityValue<A extends RunActivity> =
  Awaited<ReturnType<(typeof runActivities)[A]>> extends ActivityResult<infer T> ? T : never;

function edge<I, O extends object>(
  schema: z.ZodType<I>,
  work: (environment: Environment, input: I) => Promise<O>,
): (environment: Environment, input: unknown) => Promise<ActivityResult<O>> {
  return async (environment, input) => {
    try {
      const parsed = schema.safeParse(input);
      if (!parsed.success) {
        throw new OrdinalError('Internal', `activity input: ${z.prettifyError(parsed.error)}`);
      }
      return withinLimit({ ok: true, value: await work(environment, parsed.data) });
    } catch (thrown) {
      return { ok: false, error: shortened(toErrorValue(thrown)) };
    }
  };
}

function withinLimit<T extends object>(payload: T): T {
  const bytes = Buffer.byteLength(JSON.stringify(payload));
  if (bytes <= limits.payloadBytesMax) return payload;
  throw new OrdinalError('LimitExceeded', `an activity's output of ${bytes} bytes exceeds ${limits.payloadBytesMax}`);
}

/** Errors travel through history and custom status: long texts (a value, a list of columns, a name) are cut. */
export function shortened(error: ErrorValue): ErrorValue {
  const where = Object.entries(error.where ?? {}).map(([name, value]) => [
    name,
    typeof value === 'string' ? cut(value) : value,
  ]);
  return {
    ...error,
    message: cut(error.message),
    ...(error.where && { where: Object.fromEntries(where) as ErrorLocation }),
    ...(error.remedy && { remedy: cut(error.remedy) }),
  };
}

/**
 * As many characters as JSON takes at most for one text: escapes count. A custom status has eight of them (a prefix, and
 * an error's message, remedy and five places) and 1,000 characters of the rest: `customStatusBytesMax` is not reached.
 */
const TEXT_MAX = 800;

export function cut(text: string): string {
  if (JSON.stringify(text).length <= TEXT_MAX) return text;
  let kept = text.slice(0, TEXT_MAX - 5);
  while (JSON.stringify(kept).length > TEXT_MAX - 3) kept = kept.slice(0, Math.floor(kept.length * 0.8));
  return `${kept}...`;
}
