/**
 * Whether two contestants have published the same: the same columns with the same types, the same rows, the same IDs.
 * The order of rows in a file is not compared; an ID says which row is which.
 */
import type { Duck } from '../tools/duckdb.ts';
import { identifier, literalList } from '../tools/duckdb.ts';

/** Undefined when equal, otherwise what differs. The first column of every entity is its ID. */
export async function difference(
  duck: Duck,
  one: Record<string, string[]>,
  other: Record<string, string[]>,
): Promise<string | undefined> {
  if (Object.keys(one).sort().join() !== Object.keys(other).sort().join()) return 'other entities';
  for (const entity of Object.keys(one)) {
    const [a, b] = [one, other].map((files) => `read_parquet(${literalList(files[entity]!)})`) as [string, string];
    const [columnsA, columnsB] = await Promise.all([describe(duck, a), describe(duck, b)]);
    if (columnsA.join() !== columnsB.join()) return `${entity} has columns ${columnsA} and ${columnsB}`;
    const names = columnsA.map((column) => identifier(column.slice(0, column.lastIndexOf(':'))));
    const id = names[0]!;
    const unequal = names.map((name) => `a.${name} is distinct from b.${name}`).join(' or ');
    const row = await duck.row(`
      select (select count(*) from ${a}) as rows_a, (select count(*) from ${b}) as rows_b,
        count(*) as pairs, count(*) filter (where ${unequal}) as unequal
      from ${a} a join ${b} b on a.${id} = b.${id}`);
    const counts = ['rows_a', 'rows_b', 'pairs', 'unequal'].map((name) => Number(row[name]));
    const [rows] = counts;
    if (counts[1] !== rows || counts[2] !== rows || counts[3] !== 0) {
      return `${entity}: ${counts[0]} and ${counts[1]} rows, ${counts[2]} with the same ID, ${counts[3]} of them unequal`;
    }
  }
  return undefined;
}

async function describe(duck: Duck, relation: string): Promise<string[]> {
  const rows = await duck.rows(`describe select * from ${relation}`);
  return rows.map((row) => `${row.column_name}:${row.column_type}`);
}
