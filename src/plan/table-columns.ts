/**
 * The columns of a run against the tables that its files go to, before anything is done: each column gets a type that
 * the table has, and each table gets the columns that it lacks. The plan activity calls it. So whatever a run publishes
 * fits its tables, also when runs of several shapes begin at the same time.
 */
import { isWritten, type Plan } from '../documents/documents.ts';
import { manifestSchema } from '../documents/manifest.ts';
import { tablePlace } from '../documents/table-place.ts';
import type { Environment } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import { typeText } from '../parquet/type-text.ts';
import type { ColumnType } from '../parquet/types.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { widest } from '../source/widen.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { readJson } from '../storage/json.ts';
import { output } from '../storage/names.ts';
import { delta } from '../table-format/delta.ts';
import type { TableTransaction } from '../table-format/table-format.ts';

/** By entity: its table, as it is when the run is planned. */
export type Tables = ReadonlyMap<string, TableTransaction>;

/**
 * Reads the tables of a pipeline; undefined when it has none.
 *
 * @throws OrdinalError `PipelineChanged` when the pipeline has published before it had tables.
 */
export async function openTables(environment: Environment, pipeline: CompiledPipeline): Promise<Tables | undefined> {
  if (!pipeline.output.table) return undefined;
  const opened = await mapBounded(pipeline.entities, environment.config.requestsInFlight, async ({ name }) => {
    return [name, await delta.begin(tablePlace(environment, pipeline, name))] as const;
  });
  const tables = new Map(opened);
  if ([...tables.values()].every(({ columns }) => columns === undefined))
    await refuseIfPublished(environment, pipeline);
  return tables;
}

/** What was published before there were tables is added by a repair, which says what does not fit. */
async function refuseIfPublished({ store }: Environment, pipeline: CompiledPipeline): Promise<void> {
  const { container } = pipeline.output;
  for await (const { name } of store.list(container, output.manifestPrefix(pipeline))) {
    const manifest = await readJson(store, container, name, manifestSchema);
    if (manifest?.outcome !== 'published') continue;
    throw new OrdinalError('PipelineChanged', `"${pipeline.name}" has published runs, and its tables are not there`, {
      where: { pipeline: pipeline.name },
      remedy: `Make the tables first: npm run ordinal -- delta repair ${pipeline.name}.`,
    });
  }
}

/**
 * The type that a source column is read as, so that its copies fit the tables. A column that only functions read is read
 * as the same type, where a table has one: what a function sees does not depend on whether the column is copied, too.
 *
 * @param type of the column over all files of the run.
 * @throws OrdinalError `ColumnTypeMismatch` when no table, or not the table that is there, can have its values.
 */
export function fitted(pipeline: CompiledPipeline, tables: Tables, source: string, type: ColumnType): ColumnType {
  const uses = usesOf(pipeline, source);
  const made = delta.storedType(type);
  if ('refused' in made) {
    if (uses.length === 0) return type;
    throw unfit(source, made.refused, uses[0]!);
  }
  let fit = made.type;
  for (const use of uses) {
    const there = tables.get(use.entity)?.columns?.find(({ name }) => name === use.column)?.type;
    if (!there || delta.same(fit, there)) continue;
    const wide = widest(fit, there);
    if (!wide || !delta.same(wide, there))
      throw unfit(source, `is ${typeText(fit)}, and the table has ${typeText(there)}`, use);
    fit = there;
  }
  return fit;
}

interface Use {
  entity: string;
  column: string;
}

/** The output columns that hold a source column's own values: copies, and components of keys. */
export function usesOf({ entities, feeds }: CompiledPipeline, source: string): Use[] {
  const copies = entities.flatMap(({ name: entity, columns }) =>
    columns.flatMap((column) =>
      column.kind === 'copy' && column.source === source ? [{ entity, column: column.name }] : [],
    ),
  );
  const keys = feeds.flatMap(({ target, columns }) =>
    columns.flatMap((column, component) => {
      const key = entities.find(({ name }) => name === target)?.columns;
      const out = key?.find((one) => one.kind === 'key' && one.component === component);
      return column === source && out ? [{ entity: target, column: out.name }] : [];
    }),
  );
  return [...copies, ...keys];
}

function unfit(source: string, refused: string, { entity, column }: Use): OrdinalError {
  return new OrdinalError('ColumnTypeMismatch', `column "${source}" ${refused} ("${column}" of "${entity}")`, {
    where: { entity, column: source },
    remedy: 'Map it to a type that the table has; or write the source as before, or give the column another name.',
  });
}

/** Has each table have the columns that the run's files will have. */
export async function declareTables(
  { config }: Environment,
  pipeline: CompiledPipeline,
  tables: Tables,
  plan: Plan,
): Promise<void> {
  await mapBounded(tables, config.requestsInFlight, async ([entity, table]) => {
    table.setColumns(plan.outputs[entity]!.filter((leaf) => isWritten(pipeline, leaf)));
    await table.commit();
  });
}
