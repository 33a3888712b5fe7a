/**
 * Compares published rows with what the source says they should be: values, and references followed to the natural
 * key of the row they point at. One pass over the data, however many columns.
 */
import { type Duck, identifier, type Row } from '../../tools/duckdb.ts';
import { type Check, type Column, type EntityMeaning, figure, idColumn, keyColumns } from './meaning.ts';
import { allView } from './relations.ts';

type RefColumn = Extract<Column, { kind: 'ref' }>;
type ValueColumn = Extract<Column, { kind: 'value' }>;

export interface Comparison {
  entity: EntityMeaning;
  /** All entities by name, for references. */
  entities: ReadonlyMap<string, EntityMeaning>;
  /**
   * SQL relation with one row per compared row: `n`, `p_<column>` for each published column, and for column i of the
   * entity `e_<i>` (a value), or `e_<i>_<j>` (component j of the key that a reference should lead to).
   */
  pairs: string;
  /** The claim of the `values` check. */
  claim: string;
}

/** The SQL expressions that `Comparison.pairs` needs from the source row, as `expression as e_<i>`. */
export function expectations(entity: EntityMeaning): string[] {
  return entity.columns.flatMap((column, i) => {
    if (column.kind === 'value') return [`${column.sql} as e_${i}`];
    if (column.kind === 'ref') return column.key.map((sql, j) => `${sql} as e_${i}_${j}`);
    return [];
  });
}

/** The published columns under the names that `Comparison.pairs` needs. */
export function publishedColumns(entity: EntityMeaning, alias: string): string[] {
  return entity.columns.map((column) => `${alias}.${identifier(column.name)} as ${identifier(`p_${column.name}`)}`);
}

interface Count {
  name: string;
  /** SQL condition under which a row is at fault. */
  when: string;
}

function counted(counts: Count[], prefix: string): string[] {
  return counts.flatMap(({ when }, i) => [
    `count(*) filter (where ${when}) as ${prefix}${i}`,
    `min(n) filter (where ${when}) as ${prefix}${i}_first`,
  ]);
}

function faults(row: Row, counts: Count[], prefix: string): string | undefined {
  const texts = counts.flatMap(({ name }, i) => {
    const wrong = BigInt(row[`${prefix}${i}`] as bigint);
    return wrong === 0n ? [] : [`${name}: ${figure(wrong)} rows, first at row ${row[`${prefix}${i}_first`]}`];
  });
  return texts.length === 0 ? undefined : texts.join('; ');
}

/** Joins the target of a reference by ID, and says when it is missing and when it has another key than it should. */
function follow(comparison: Comparison, column: RefColumn, i: number): { join: string; dangling: Count; wrong: Count } {
  const target = comparison.entities.get(column.entity)!;
  const published = identifier(`p_${column.name}`);
  const due = column.key.map((_, j) => `e_${i}_${j}`);
  // A row without a natural key (a null component) refers to nothing.
  const none = due.map((key) => `${key} is null`).join(' or ');
  const same = keyColumns(target).map((key, j) => `t${i}.${identifier(key)} is not distinct from e_${i}_${j}`);
  const found = `t${i}.${identifier(idColumn(target))} is not null`;
  return {
    join: `left join ${allView(target.name)} t${i} on t${i}.${identifier(idColumn(target))} = ${published}`,
    dangling: { name: column.name, when: `${published} is not null and not (${found})` },
    wrong: {
      name: column.name,
      when: `case when ${none} then ${published} is not null
             when ${published} is null then true else ${found} and not (${same.join(' and ')}) end`,
    },
  };
}

/** The checks `values`, `refs-resolve` and `refs-right` of an entity, as far as it has such columns. */
export async function checkColumns(duck: Duck, comparison: Comparison): Promise<Check[]> {
  const { entity } = comparison;
  const numbered = entity.columns.map((column, i) => ({ column, i }));
  const values = numbered.filter((one): one is { column: ValueColumn; i: number } => one.column.kind === 'value');
  const refs = numbered
    .filter((one): one is { column: RefColumn; i: number } => one.column.kind === 'ref')
    .map(({ column, i }) => follow(comparison, column, i));
  const unequal = values.map(({ column, i }) => ({
    name: column.name,
    when: `${identifier(`p_${column.name}`)} is distinct from e_${i}`,
  }));
  const dangling = refs.map((one) => one.dangling);
  const wrong = refs.map((one) => one.wrong);
  const counts = [...counted(unequal, 'v'), ...counted(dangling, 'd'), ...counted(wrong, 'w')];
  if (counts.length === 0) return [];
  const row = await duck.row(`
    select count(*) as pairs, ${counts.join(', ')} from (${comparison.pairs}) ${refs.map((one) => one.join).join(' ')}`);
  const pairs = figure(row.pairs as bigint);
  const many = (of: number, noun: string): string => `${of} ${noun}${of === 1 ? '' : 's'}`;
  const check = (of: Check['check'], claim: string, seen: string, fault: string | undefined): Check => ({
    entity: entity.name,
    check: of,
    claim,
    ok: fault === undefined,
    figure: seen,
    ...(fault !== undefined && { fault }),
  });
  const checks: Check[] = [];
  if (values.length > 0) {
    checks.push(
      check('values', comparison.claim, `${pairs} rows of ${many(values.length, 'column')}`, faults(row, unequal, 'v')),
    );
  }
  if (refs.length > 0) {
    const seen = `${pairs} rows of ${many(refs.length, 'reference')}`;
    checks.push(check('refs-resolve', 'every reference resolves', seen, faults(row, dangling, 'd')));
    checks.push(check('refs-right', "references lead to the source row's key", seen, faults(row, wrong, 'w')));
  }
  return checks;
}
