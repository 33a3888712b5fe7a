/**
 * Repairs the tables of a pipeline by its manifests: what a log lacks is committed; a log that is damaged, or that is to
 * be made anew, is removed and written again. The command `delta repair` calls it. Files of the tables are never touched.
 */
import type { Environment } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { delta } from '../table-format/delta.ts';
import { commitTables, filesIn, type PipelineTable, tablesOf } from './commit-tables.ts';
import { readSummary } from './published-runs.ts';
import { writeViews } from './write-views.ts';

export interface RepairedTable {
  entity: string;
  dataset: 'rows' | 'changes';
  folder: string;
  /** What was found. */
  was: 'in order' | 'missing' | 'damaged';
  /** Whether the log was made anew. */
  anew: boolean;
  files: number;
}

/**
 * Repairs the tables of a pipeline.
 *
 * @param options `anew`: write the logs again, whatever they say. What others did to the tables is then forgotten.
 * @throws OrdinalError `InvalidRequest` when the pipeline has no tables, `StorageFailed` when a published file is gone,
 * `ColumnTypeMismatch` when one has types that no table has.
 */
export async function repairTables(
  environment: Environment,
  pipeline: CompiledPipeline,
  { anew }: { anew: boolean },
): Promise<RepairedTable[]> {
  const tables = tablesOf(environment, pipeline);
  if (tables.length === 0) {
    throw new OrdinalError('InvalidRequest', `"${pipeline.name}" has no tables`, {
      where: { pipeline: pipeline.name },
      remedy: "Say output: { table: 'delta' } in the pipeline first.",
    });
  }
  const found = await mapBounded(tables, environment.config.requestsInFlight, async (table) => {
    const was = await stateOf(table);
    return { table, was, again: was === 'damaged' || (anew && was !== 'missing') };
  });
  const again = found.filter((one) => one.again);
  if (again.length > 0)
    await needFiles(
      environment,
      pipeline,
      again.map(({ table }) => table),
    );
  for (const { table } of again) await delta.repair(table.place);
  const { published } = await writeViews(environment, pipeline);
  await commitTables(environment, pipeline, published);
  return await mapBounded(found, environment.config.requestsInFlight, async ({ table, was, again: made }) => {
    const { entity, dataset, place } = table;
    const { files } = await delta.begin(place);
    return { entity, dataset, folder: place.folder, was, anew: made, files: files.size };
  });
}

async function stateOf({ place }: PipelineTable): Promise<RepairedTable['was']> {
  try {
    return (await delta.begin(place)).columns ? 'in order' : 'missing';
  } catch (thrown) {
    if (thrown instanceof OrdinalError && thrown.code === 'CorruptFile') return 'damaged';
    throw thrown;
  }
}

/** A log is removed only when all files that the new one will name are there. */
async function needFiles(
  environment: Environment,
  pipeline: CompiledPipeline,
  tables: readonly PipelineTable[],
): Promise<void> {
  const { store, config } = environment;
  const { container, prefix } = pipeline.output;
  const { runs } = (await readSummary(environment, pipeline)).published;
  const files = Object.values(runs)
    .filter(({ outcome }) => outcome === 'published')
    .flatMap((run) => tables.flatMap((table) => filesIn(run, table)));
  await mapBounded(files, config.requestsInFlight, async (file) => {
    const blob = `${prefix}${file}`;
    if (await store.head(container, blob)) return;
    throw new OrdinalError('StorageFailed', `"${container}/${blob}" is gone: no log can be made from manifests`, {
      where: { blob },
      remedy: 'Restore the file. When a VACUUM removed it after the table was rewritten, keep the log that is there.',
    });
  });
}
