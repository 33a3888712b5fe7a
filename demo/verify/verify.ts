/**
 * Verifies what a run published, as an outsider would: from the files alone, by DuckDB, against the source files and
 * the written meaning of the dataset. Row order is taken from positions in the files, never from IDs.
 */
import type { Duck } from '../../tools/duckdb.ts';
import { checkKeyed, checkRows } from './entities.ts';
import { checkIds, checkSchema } from './ids.ts';
import type { Check, Dataset, PublishedRun } from './meaning.ts';
import { createViews } from './relations.ts';

/**
 * Checks one run. `earlier` are the runs before it in the order of their IDs: their keys are known, and this run's IDs
 * go on from theirs. When columns are not as declared, nothing else can be looked at, and only that is reported.
 *
 * @throws when a file cannot be read at all.
 */
export async function verifyRun(
  duck: Duck,
  dataset: Dataset,
  run: PublishedRun,
  earlier: readonly PublishedRun[] = [],
): Promise<Check[]> {
  const checks: Check[] = [];
  for (const entity of dataset.entities) checks.push(await checkSchema(duck, entity, run));
  if (checks.some((check) => !check.ok)) return checks;
  await createViews(duck, dataset, earlier, run);
  const entities = new Map(dataset.entities.map((entity) => [entity.name, entity]));
  for (const entity of dataset.entities) {
    checks.push(...(await checkIds(duck, entity)));
    checks.push(
      ...(entity.kind === 'rows' ? await checkRows(duck, entity, entities) : await checkKeyed(duck, entity, entities)),
    );
  }
  return checks;
}
