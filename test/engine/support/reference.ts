/**
 * What a run must publish, by the plainest sequential reading of the pipeline: row by row, one map of keys per entity,
 * no batches, no dictionaries, no types. Cells come in cleaned; rows go out as canonical texts.
 */
import type { CompiledPipeline, Entity, KeyedEntity, OutColumn, Predicate } from '../../../src/pipeline/compiled.ts';
import { type Cell, canonOf } from './cells.ts';

export type Row = Record<string, Cell | null>;
/** By key index: key text → ID. Lives over all runs of a pipeline. */
export type Known = Map<string, Map<string, bigint>>;
/** Takes the next `count` IDs of a sequence. */
export type Take = (sequence: string, count: number) => bigint[];
export type OutRow = (string | null)[];

export function reference(pipeline: CompiledPipeline, rows: Row[], known: Known, take: Take): Map<string, OutRow[]> {
  const entities = new Map(pipeline.entities.map((entity) => [entity.name, entity]));
  const js = (row: Row, names: string[]) => names.map((name) => row[name]?.js ?? null);
  const passes = (where: Predicate | undefined, row: Row) => !where || where.test(...js(row, where.columns));
  const keyOf = (row: Row, names: string[]): string | undefined =>
    names.some((name) => row[name] === null) ? undefined : JSON.stringify(names.map((name) => keyCanon(row[name]!)));
  const indexOf = (name: string) => (entities.get(name) as KeyedEntity).index;

  // New keys in first-seen order, each with the row that describes it.
  const fresh = new Map<string, Map<string, { row?: Row }>>();
  for (const entity of pipeline.entities) {
    if (entity.kind !== 'keyed') continue;
    const keys = new Map<string, { row?: Row }>();
    const feeds = pipeline.feeds.filter((feed) => feed.target === entity.name);
    for (const row of rows) {
      for (const feed of feeds) {
        const key = passes(feed.selectedBy ? entities.get(feed.selectedBy)!.where : undefined, row)
          ? keyOf(row, feed.columns)
          : undefined;
        if (key === undefined || known.get(entity.index)?.has(key)) continue;
        if (!keys.has(key)) keys.set(key, {});
        if (feed.own) keys.get(key)!.row ??= row;
      }
    }
    fresh.set(entity.name, keys);
  }

  // IDs: each sequence is divided among the columns that draw on it, in declaration order.
  const lists = new Map(
    pipeline.entities.map((entity) => [
      entity.name,
      entity.kind === 'keyed'
        ? [...fresh.get(entity.name)!].map(([key, { row }]) => ({ key, row }))
        : rows.filter((row) => passes(entity.where, row)).map((row) => ({ key: '', row })),
    ]),
  );
  const ids = new Map<string, Map<string, bigint[]>>();
  for (const { name: sequence } of pipeline.sequences) {
    const draws = pipeline.entities.flatMap(({ name, columns }) =>
      columns.filter((c) => c.kind === 'id' && c.sequence === sequence).map((c) => ({ entity: name, column: c.name })),
    );
    const all = take(
      sequence,
      draws.reduce((sum, { entity }) => sum + lists.get(entity)!.length, 0),
    );
    for (const { entity, column } of draws) {
      const columns = ids.get(entity) ?? new Map<string, bigint[]>();
      ids.set(entity, columns.set(column, all.splice(0, lists.get(entity)!.length)));
    }
  }
  const ownIds = (name: string) => ids.get(name)!.get(entities.get(name)!.columns[0]!.name)!;
  const rowIds = new Map<string, Map<Row, bigint>>();
  for (const { kind, name, ...rest } of pipeline.entities) {
    if (kind === 'rows') rowIds.set(name, new Map(lists.get(name)!.map(({ row }, i) => [row!, ownIds(name)[i]!])));
    else {
      const index = (rest as KeyedEntity).index;
      const all = known.get(index) ?? new Map<string, bigint>();
      for (const [i, { key }] of lists.get(name)!.entries()) all.set(key, ownIds(name)[i]!);
      known.set(index, all);
    }
  }

  const value = (column: OutColumn, entity: string, i: number): string | null => {
    const { key, row } = lists.get(entity)![i]!;
    if (column.kind === 'id') return String(ids.get(entity)!.get(column.name)![i]);
    if (column.kind === 'constant') return canonOrNull(column.value);
    if (column.kind === 'key') return (JSON.parse(key) as string[])[column.component]!;
    if (!row) return null;
    switch (column.kind) {
      case 'copy':
        return row[column.source]?.canon ?? null;
      case 'map': {
        const [given] = js(row, [column.source]);
        return given === null && !column.nulls ? null : canonOrNull(column.fn(given));
      }
      case 'compute':
        return canonOrNull(column.fn(...js(row, column.sources)));
      case 'ref': {
        const wanted = keyOf(row, column.columns);
        if (wanted === undefined) return column.missing ?? null;
        return String(known.get(indexOf(column.entity))!.get(wanted));
      }
      case 'rowRef':
        return canonOrNull(rowIds.get(column.entity)!.get(row));
    }
  };
  return new Map(
    pipeline.entities.map((entity) => [
      entity.name,
      [
        ...newMembers(entity, known),
        ...lists.get(entity.name)!.map((_, i) => entity.columns.map((column) => value(column, entity.name, i))),
      ],
    ]),
  );
}

/** The rows of unknown members that no run has published before. */
function newMembers(entity: Entity, known: Known): OutRow[] {
  if (entity.kind !== 'keyed') return [];
  const there = known.get(`members of ${entity.index}`) ?? new Map<string, bigint>();
  known.set(`members of ${entity.index}`, there);
  const fresh = (entity.unknown ?? []).filter((id) => !there.has(id));
  for (const id of fresh) there.set(id, BigInt(id));
  const cell = (column: OutColumn, id: string) =>
    column.kind === 'id' ? id : column.kind === 'constant' ? canonOrNull(column.value) : null;
  return fresh.map((id) => entity.columns.map((column) => cell(column, id)));
}

/** Zero has one sign as a key. */
const keyCanon = (cell: Cell) => (cell.canon === '-0' ? '0' : cell.canon);
const canonOrNull = (js: unknown) => (js === null || js === undefined ? null : canonOf(js));
