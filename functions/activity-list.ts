/**
 * The lists of all activities of the app: those that need only the environment, and those that also need the durable
 * client. `activities.ts` registers both; tests and benchmarks find an activity here by its name. It must not import an
 * SDK, so that tests can load it without a host.
 */
import { lookAtArrivals, startArrivalRun } from '../src/arrival/activities.ts';
import { callBackRun } from '../src/callback/activity.ts';
import { tellOutcome } from '../src/callback/notify-caller.ts';
import type { Activity } from '../src/durable/activity.ts';
import type { Environment } from '../src/environment/environment.ts';
import { endLife, lowerLives } from '../src/lives/activities.ts';
import type { Starter } from '../src/lives/start.ts';
import { planRun } from '../src/plan/activity.ts';
import { previewRun } from '../src/plan/preview-activity.ts';
import { readFooters } from '../src/plan/read-source.ts';
import { publishFile } from '../src/publish/activity.ts';
import { compactIndex, extendIndex } from '../src/publish/extend-index-activity.ts';
import { finishRun } from '../src/publish/manifest-activity.ts';
import { resolveKeys } from '../src/resolve/activity.ts';
import { discardRun } from '../src/run/discard-activity.ts';
import { livenessOfInstance } from '../src/run/liveness-activity.ts';
import { publishShort, resolveShort, splitShort } from '../src/run/short-way.ts';
import { sealBatches, sealKeyed } from '../src/seal/activity.ts';
import { bindIds } from '../src/seal/assign-ids-activity.ts';
import { splitBatch } from '../src/split/activity.ts';
import { tallyRows } from '../src/split/tally-activity.ts';
import { rebuildIndex } from '../src/upkeep/rebuild-index.ts';

export const activities: readonly Activity<Environment, never, object>[] = [
  planRun,
  readFooters,
  previewRun,
  splitBatch,
  splitShort,
  resolveShort,
  publishShort,
  tallyRows,
  resolveKeys,
  bindIds,
  sealBatches,
  sealKeyed,
  publishFile,
  finishRun,
  extendIndex,
  compactIndex,
  lowerLives,
  discardRun,
  endLife,
  callBackRun,
  rebuildIndex,
  lookAtArrivals,
];

/** Activities that need the durable client. */
export const clientActivities: readonly Activity<Starter, never, object>[] = [
  livenessOfInstance,
  tellOutcome,
  startArrivalRun,
];
