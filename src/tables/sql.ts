/**
 * The statement that makes a view of an entity's current rows: the rows of all pipelines that share its key index, with
 * the newest change of each key laid over them. `write-views.ts` and the command `sql` call it. It names only files that
 * manifests name.
 */
import type { ColumnType } from '../parquet/types.ts';
import { changeColumns } from '../pipeline/compiled.ts';
import type { CurrentRows, Source } from './current-rows.ts';
import { type AddressOf, type Dialect, dialects, type Engine } from './sql-dialects.ts';

/**
 * The SQL of an entity's current rows.
 *
 * @param rows what they are made of.
 * @param addressOf addresses of blobs, as the engine reads them.
 * @param asOf the run up to which the rows were counted, for the comment.
 * @returns statements of which the last makes a view with the entity's name.
 */
export function currentRowsSql(engine: Engine, rows: CurrentRows, addressOf: AddressOf, asOf?: string): string {
  const dialect = dialects[engine];
  const firsts: string[] = [];
  const read = (source: Source, name: string) => {
    const { from, first } = dialect.read(source, `${rows.entity}_${name}`, addressOf);
    if (first !== undefined) firsts.push(first);
    return from;
  };
  const unions = rows.rows.map((source, i) => {
    const columns = rows.columns.map(({ name, type }) => columnOf(dialect, source, name, type));
    return select(columns, read(source, `rows_${i + 1}`));
  });
  if (unions.length === 0)
    unions.push(`${select(rows.columns.map((column) => nothing(dialect, column)))}\nWHERE 1 = 0`);
  const parts = [`all_rows AS (\n${unions.join('\nUNION ALL\n')}\n)`];
  rows.changes.forEach((source, i) => {
    parts.push(...newestChanges(dialect, rows, source, i + 1, read(source, `changes_${i + 1}`)));
  });
  const body = `WITH ${parts.join(',\n')}\n${laidOver(dialect, rows)}`;
  return `${comment(rows, asOf)}${firsts.join('')}${dialect.createView(rows.entity, body)}`;
}

function comment({ entity, rows, changes }: CurrentRows, asOf: string | undefined): string {
  const files = (sources: readonly Source[], kind: string) => {
    const number = sources.reduce((sum, source) => sum + source.files.length, 0);
    return `${number} ${kind} file${number === 1 ? '' : 's'}`;
  };
  const until = asOf === undefined ? '' : `, as they were when run ${asOf} had published`;
  return (
    `-- Current rows of ${entity}${until}: ${files(rows, 'published')}, with ${files(changes, 'changes')} laid over them.\n` +
    '-- It names the files of that moment. Make the view again to see what was published later.\n'
  );
}

function select(columns: readonly string[], from?: string): string {
  return `SELECT\n${columns.map((column) => `  ${column}`).join(',\n')}${from === undefined ? '' : `\nFROM ${from}`}`;
}

function columnOf(dialect: Dialect, source: Source, name: string, type: ColumnType): string {
  const inFiles = source.columns.get(name);
  if (inFiles === undefined) return nothing(dialect, { name, type });
  return inFiles === name ? dialect.quote(name) : `${dialect.quote(inFiles)} AS ${dialect.quote(name)}`;
}

const nothing = (dialect: Dialect, { name, type }: { name: string; type: ColumnType }) =>
  `${dialect.nothing(type)} AS ${dialect.quote(name)}`;

/** The columns of the view that a source of changes has, beside the ID and the key. */
function changedColumns({ columns, fixed }: CurrentRows, source: Source): string[] {
  return columns.flatMap(({ name }) => (source.columns.has(name) && !fixed.includes(name) ? [name] : []));
}

/** A source's changes, of each key the newest: the one of the highest version of the index. Two parts of the WITH clause. */
function newestChanges(dialect: Dialect, rows: CurrentRows, source: Source, number: number, from: string): string[] {
  const id = rows.columns[0]!.name;
  const version = dialect.quote(changeColumns.version);
  const names = [id, ...changedColumns(rows, source)];
  const columns = names.map((name) => columnOf(dialect, source, name, rows.columns[0]!.type));
  const inFiles = dialect.quote(source.columns.get(id)!);
  const order = `ROW_NUMBER() OVER (PARTITION BY ${inFiles} ORDER BY ${version} DESC) AS newest`;
  return [
    `ordered_${number} AS (\n${select([...columns, version, order], from)}\n)`,
    `changes_${number} AS (\n${select([...names.map(dialect.quote), version], `ordered_${number}`)}\nWHERE newest = 1\n)`,
  ];
}

/** Rows with their changes: of the changes that say something of a column, the one of the highest version counts. */
function laidOver(dialect: Dialect, rows: CurrentRows): string {
  const { quote } = dialect;
  const id = quote(rows.columns[0]!.name);
  const versionOf = (number: number) => `changes_${number}.${quote(changeColumns.version)}`;
  const columns = rows.columns.map(({ name }) => {
    const saying = rows.changes.flatMap((source, i) => (changedColumns(rows, source).includes(name) ? [i + 1] : []));
    if (saying.length === 0) return `all_rows.${quote(name)}`;
    const cases = saying.map((number) => {
      const newer = saying
        .filter((other) => other !== number)
        .map((other) => {
          const least = other < number ? '<' : '<=';
          return ` AND (${versionOf(other)} IS NULL OR ${versionOf(other)} ${least} ${versionOf(number)})`;
        });
      return `WHEN ${versionOf(number)} IS NOT NULL${newer.join('')} THEN changes_${number}.${quote(name)}`;
    });
    return `CASE ${cases.join(' ')} ELSE all_rows.${quote(name)} END AS ${quote(name)}`;
  });
  const joins = rows.changes.map((_, i) => `\nLEFT JOIN changes_${i + 1} ON changes_${i + 1}.${id} = all_rows.${id}`);
  return `${select(columns, 'all_rows')}${joins.join('')}`;
}
