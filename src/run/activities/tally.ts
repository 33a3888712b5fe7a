/** Activity `tally`: prefix sums over the split records: where each batch's rows and keys begin. */
import type { Entity } from '../../pipeline/compiled.ts';
import { writeJson } from '../../storage/json.ts';
import { work } from '../../storage/names.ts';
import type { Tally } from '../documents.ts';
import type { Environment } from '../environment.ts';
import { loadPlan, loadSplitRecord } from '../load.ts';
import { mapBounded } from '../pool.ts';

export interface TallyOutput {
  /** By rows entity. */
  rows: Record<string, number>;
  /** By keyed entity: keys in the lists of all batches. */
  keys: Record<string, number>;
}

export async function tallyActivity(environment: Environment, { runId }: { runId: string }): Promise<TallyOutput> {
  const { plan, pipeline } = await loadPlan(environment, runId);
  const indices = plan.batches.map((_, index) => index);
  const counts = await mapBounded(indices, environment.config.requestsInFlight, async (batch) => {
    const { record } = await loadSplitRecord(environment, runId, batch);
    const rows = Object.entries(record.fragments).map(
      ([entity, fragments]) => [entity, fragments.reduce((sum, fragment) => sum + fragment.rows, 0)] as const,
    );
    return { ...record.keys, ...Object.fromEntries(rows) };
  });
  const tally: Tally = { starts: {} };
  for (const { name } of pipeline.entities) {
    const starts = [0];
    for (const count of counts) starts.push(starts.at(-1)! + (count[name] ?? 0));
    tally.starts[name] = starts;
  }
  await writeJson(environment.store, environment.config.workContainer, work.tally(runId), tally);
  const totals = (kind: Entity['kind']) =>
    Object.fromEntries(
      pipeline.entities.filter((entity) => entity.kind === kind).map(({ name }) => [name, tally.starts[name]!.at(-1)!]),
    );
  return { rows: totals('rows'), keys: totals('keyed') };
}
