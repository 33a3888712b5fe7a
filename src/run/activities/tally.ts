/** Activity `tally`: prefix sums over the split records: where each batch's rows and keys begin, and how many rows were refused. */
import type { Entity } from '../../pipeline/compiled.ts';
import { writeJson } from '../../storage/json.ts';
import { work } from '../../storage/names.ts';
import type { PlanRef, Tally } from '../documents.ts';
import type { Environment } from '../environment.ts';
import { loadPlan, loadSplitRecord } from '../load.ts';
import { mapBounded } from '../pool.ts';
import { checkRejected } from '../quarantine.ts';

export interface TallyOutput {
  /** By rows entity. */
  rows: Record<string, number>;
  /** By keyed entity: keys in the lists of all batches. */
  keys: Record<string, number>;
  /** Source rows that the contract refused. */
  rejected: number;
}

/** Throws `TooManyRejected` where the refused rows' share is above the pipeline's limit. */
export async function tallyActivity(environment: Environment, ref: PlanRef): Promise<TallyOutput> {
  const { runId } = ref;
  const { plan, pipeline } = await loadPlan(environment, ref);
  const indices = plan.batches.map((_, index) => index);
  const batches = await mapBounded(indices, environment.config.requestsInFlight, async (batch) => {
    const { record } = await loadSplitRecord(environment, runId, batch);
    const rows = Object.entries(record.fragments).map(
      ([entity, fragments]) => [entity, fragments.reduce((sum, fragment) => sum + fragment.rows, 0)] as const,
    );
    return {
      counts: { ...record.keys, ...Object.fromEntries(rows) },
      rejected: record.rejected ?? 0,
      unrouted: record.unrouted ?? 0,
    };
  });
  const tally: Tally = {
    starts: {},
    rejected: batches.map(({ rejected }) => rejected),
    unrouted: batches.reduce((sum, { unrouted }) => sum + unrouted, 0),
  };
  await checkRejected(environment, plan, pipeline, tally.rejected);
  for (const { name } of pipeline.entities) {
    const starts = [0];
    for (const { counts } of batches) starts.push(starts.at(-1)! + (counts[name] ?? 0));
    tally.starts[name] = starts;
  }
  await writeJson(environment.store, environment.config.workContainer, work.tally(runId), tally);
  const totals = (kind: Entity['kind']) =>
    Object.fromEntries(
      pipeline.entities.filter((entity) => entity.kind === kind).map(({ name }) => [name, tally.starts[name]!.at(-1)!]),
    );
  const rejected = tally.rejected.reduce((sum, rows) => sum + rows, 0);
  return { rows: totals('rows'), keys: totals('keyed'), rejected };
}
