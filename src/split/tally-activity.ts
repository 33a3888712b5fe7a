/**
 * Activity `tallyRows`: counts rows, keys and refused rows over all batches. The orchestrator calls it after the split;
 * the share of refused rows and bad files is held to the limit here. Nothing may be reserved before it.
 */

import type { PlanRef } from '../documents/documents.ts';
import { planRefSchema } from '../documents/documents.ts';
import { loadPlan, loadTally } from '../documents/load.ts';
import { defineActivity } from '../durable/activity.ts';
import type { Environment } from '../environment/environment.ts';
import type { Entity } from '../pipeline/compiled.ts';
import { checkSetAside } from './run-bad-files.ts';
import { checkRejected } from './run-quarantine.ts';

export interface TallyOutput {
  /** By rows entity. */
  rows: Record<string, number>;
  /** By keyed entity: keys in the lists of all batches. */
  keys: Record<string, number>;
  /** Source rows that the contract refused. */
  rejected: number;
}

export const tallyRows = defineActivity({ name: 'tallyRows', input: planRefSchema, work: tallyActivity });

/** Throws `TooManyRejected` where the refused rows' share is above the pipeline's limit. */
async function tallyActivity(environment: Environment, ref: PlanRef): Promise<TallyOutput> {
  const planned = await loadPlan(environment, ref);
  const { plan, pipeline } = planned;
  const tally = await loadTally(environment, planned);
  await checkSetAside(environment, planned, tally);
  await checkRejected(environment, plan, pipeline, tally);
  const totals = (kind: Entity['kind']) =>
    Object.fromEntries(
      pipeline.entities.filter((entity) => entity.kind === kind).map(({ name }) => [name, tally.starts[name]!.at(-1)!]),
    );
  const rejected = tally.rejected.reduce((sum, rows) => sum + rows, 0);
  return { rows: totals('rows'), keys: totals('keyed'), rejected };
}
