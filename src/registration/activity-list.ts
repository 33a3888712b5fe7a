/**
 * The lists of all activities of the app: those that need only the environment, and those that also need the durable
 * client. `activities.ts` registers both; tests and benchmarks find an activity here by its name. It must not import an
 * SDK, so that tests can load it without a host.
 */
import { lookAtArrivals, startArrivalRun } from '../arrival/activities.ts';
import { advanceBackfill, planBackfill } from '../backfill/activities.ts';
import { callBackRun } from '../callback/activity.ts';
import { tellOutcome } from '../callback/notify-caller.ts';
import type { Activity } from '../durable/activity.ts';
import type { Environment } from '../environment/environment.ts';
import { endLife, lowerLives } from '../lives/activities.ts';
import type { Starter } from '../lives/start.ts';
import { planRun } from '../plan/activity.ts';
import { previewRun } from '../plan/preview-activity.ts';
import { readFooters } from '../plan/read-source.ts';
import { publishFile } from '../publish/activity.ts';
import { compactIndex, compactVersions, extendIndex } from '../publish/extend-index-activity.ts';
import { finishRun } from '../publish/manifest-activity.ts';
import { resolveKeys } from '../resolve/activity.ts';
import { discardRun } from '../run/discard-activity.ts';
import { livenessOfInstance } from '../run/liveness-activity.ts';
import { publishShort, resolveShort, splitShort } from '../run/short-way.ts';
import { sealBatches, sealKeyed } from '../seal/activity.ts';
import { bindIds } from '../seal/assign-ids-activity.ts';
import { splitBatch } from '../split/activity.ts';
import { shareBadFiles, splitAgain } from '../split/split-again.ts';
import { tallyRows } from '../split/tally-activity.ts';
import { updateTables } from '../tables/activity.ts';
import { importKeys } from '../upkeep/import/activity.ts';
import { rebuildIndex } from '../upkeep/rebuild-index.ts';
import { closeWithdrawn, endWithdrawal } from '../upkeep/withdraw.ts';

export const activities: readonly Activity<Environment, never, object>[] = [
  planRun,
  readFooters,
  previewRun,
  splitBatch,
  shareBadFiles,
  splitAgain,
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
  compactVersions,
  updateTables,
  lowerLives,
  discardRun,
  endLife,
  callBackRun,
  rebuildIndex,
  closeWithdrawn,
  endWithdrawal,
  importKeys,
  lookAtArrivals,
  planBackfill,
];

/** Activities that need the durable client. */
export const clientActivities: readonly Activity<Starter, never, object>[] = [
  livenessOfInstance,
  tellOutcome,
  startArrivalRun,
  advanceBackfill,
];
