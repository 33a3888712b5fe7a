/**
 * The checks that every entity's own IDs must pass, and the schema check that comes before all others. `verify.ts`
 * calls it first.
 */
import { type Duck, identifier, literal } from '../../tools/duckdb.ts';
import { type Check, type EntityMeaning, figure, idColumn, type PublishedRun } from './meaning.ts';
import { knownView, publishedView } from './relations.ts';

/** Names, types and order of the columns of every file. */
export async function checkSchema(duck: Duck, entity: EntityMeaning, run: PublishedRun): Promise<Check> {
  const declared = entity.columns.map((column) => `${column.name} ${column.type}`).join(', ');
  const faults: string[] = [];
  const files = run.files[entity.name] ?? [];
  for (const file of files) {
    const columns = await duck.rows(`describe select * from read_parquet(${literal(file)})`);
    const found = columns.map((column) => `${column.column_name} ${column.column_type}`).join(', ');
    if (found !== declared) faults.push(`found (${found}), declared (${declared})`);
  }
  return {
    entity: entity.name,
    check: 'schema',
    claim: 'columns and types as declared',
    ok: faults.length === 0,
    figure: `${figure(entity.columns.length)} columns in ${figure(files.length)} ${files.length === 1 ? 'file' : 'files'}`,
    ...(faults[0] !== undefined && { fault: faults[0] }),
  };
}

/** IDs are unique, exactly first..last, on from the last ID of earlier runs, and ascend in published order. */
export async function checkIds(duck: Duck, entity: EntityMeaning): Promise<Check[]> {
  const name = identifier(idColumn(entity));
  const totals = await duck.row(`
    select count(*) as rows, count(${name}) as ids, count(distinct ${name}) as distinct_ids,
      min(${name}) as first, max(${name}) as last,
      coalesce((select max(${name}) from ${knownView(entity.name)}), 0) + 1 as due
    from ${publishedView(entity.name)}`);
  const count = (column: string): bigint => BigInt((totals[column] as bigint | number | null) ?? 0);
  const [rows, ids, distinctIds] = [count('rows'), count('ids'), count('distinct_ids')];
  const due = { first: count('due'), last: count('due') + rows - 1n };
  const range = rows === 0n ? 'none' : `${figure(count('first'))}..${figure(count('last'))}`;
  const exact = rows === 0n || (count('first') === due.first && count('last') === due.last && distinctIds === rows);
  const { disorder } = await duck.row(`
    select count(*) as disorder
    from (select ${name} as id, lag(${name}) over (order by n) as previous from ${publishedView(entity.name)})
    where id <= previous or id is null`);
  const check = (of: Check['check'], claim: string, seen: string, fault: string | false): Check => ({
    entity: entity.name,
    check: of,
    claim,
    ok: fault === false,
    figure: seen,
    ...(fault !== false && { fault }),
  });
  const repeated = ids - distinctIds;
  return [
    check(
      'id-unique',
      'IDs unique',
      `${figure(distinctIds)} distinct IDs in ${figure(rows)} rows`,
      repeated + (rows - ids) > 0n && `${figure(repeated)} repeated, ${figure(rows - ids)} null`,
    ),
    check(
      'id-range',
      'IDs exactly first..last, on from the run before',
      range,
      !exact && `due were ${figure(due.first)}..${figure(due.last)} without a gap`,
    ),
    check(
      'id-order',
      entity.kind === 'rows' ? 'IDs in source order' : 'IDs ascend in published order',
      `${figure(rows)} rows`,
      disorder !== 0n && `${figure(disorder as bigint)} rows do not follow the row before`,
    ),
  ];
}
