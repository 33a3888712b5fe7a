/**
 * The SQL views on which the checks stand: source rows, published rows and known keys, each with its position `n`.
 * `verify.ts` calls it. Positions must come from the files, never from IDs.
 */
import { type Duck, identifier, literal } from '../../tools/duckdb.ts';
import { type Dataset, type EntityMeaning, idColumn, keyColumns, type PublishedRun } from './meaning.ts';

/** The source rows of this run: all columns, and `n`, the row's position over all files. */
export const sourceView = 'source_rows';

/** The rows this run published for an entity, with `n` as above. */
export function publishedView(entity: string): string {
  return identifier(`published_${entity}`);
}

/** ID and key columns of an entity as published by the runs before. */
export function knownView(entity: string): string {
  return identifier(`known_${entity}`);
}

/** ID and key columns of an entity over all runs, this one included. */
export function allView(entity: string): string {
  return identifier(`all_${entity}`);
}

/** The SELECT over several files in order. `n` counts on from file to file. Only read positions of files are trusted. */
async function positioned(duck: Duck, files: readonly string[], columns: string): Promise<string[]> {
  const selects: string[] = [];
  let offset = 0n;
  for (const file of files) {
    const { rows } = await duck.row(`select num_rows as rows from parquet_file_metadata(${literal(file)})`);
    selects.push(
      `select file_row_number + ${offset} as n, ${columns} from read_parquet(${literal(file)}, file_row_number = true)`,
    );
    offset += BigInt(Number(rows));
  }
  return selects;
}

/** A SELECT without rows that has the entity's columns, so that an entity without files is an empty relation. */
function nothing(entity: EntityMeaning): string {
  const columns = entity.columns.map((column) => `null::${column.type} as ${identifier(column.name)}`);
  return `select 0::BIGINT as n, ${columns.join(', ')} where false`;
}

/** Creates the views of one run. Fails with DuckDB's error when a file cannot be read. */
export async function createViews(
  duck: Duck,
  dataset: Dataset,
  earlier: readonly PublishedRun[],
  run: PublishedRun,
): Promise<void> {
  const sources = await positioned(duck, run.sources, '* exclude (file_row_number)');
  await duck.run(`create or replace temp view ${sourceView} as ${sources.join(' union all by name ')}`);
  for (const entity of dataset.entities) {
    const names = entity.columns.map((column) => identifier(column.name)).join(', ');
    const now = await positioned(duck, run.files[entity.name] ?? [], names);
    const before = await positioned(
      duck,
      earlier.flatMap((one) => one.files[entity.name] ?? []),
      names,
    );
    const kept = [idColumn(entity), ...keyColumns(entity)].map(identifier).join(', ');
    const union = (selects: string[]): string => [...selects, nothing(entity)].join(' union all ');
    await duck.run(`create or replace temp view ${publishedView(entity.name)} as ${union(now)}`);
    await duck.run(`create or replace temp view ${knownView(entity.name)} as select ${kept} from (${union(before)})`);
    await duck.run(
      `create or replace temp view ${allView(entity.name)} as select ${kept} from ${knownView(entity.name)}
       union all select ${kept} from ${publishedView(entity.name)}`,
    );
  }
}
