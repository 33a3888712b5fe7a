/**
 * The first rows of every entity, made row by row in plain JavaScript from the first source rows. A dry run shows them.
 * No ID is reserved for it: `flights.flights+0` stands for the first ID that the sequence would give.
 */
import { shownValue as shown } from '../documents/shown-value.ts';
import { functionValue, passes, type RowReader } from '../pipeline/by-row.ts';
import type { CompiledPipeline, Entity, OutColumn } from '../pipeline/compiled.ts';

/** A source row's contract columns as functions see them, or why the contract refuses the row. */
export type SourceRow =
  | { ok: true; values: ReadonlyMap<string, unknown> }
  | { ok: false; column: string; reason: string };

export type PreviewRow = Record<string, unknown>;

interface Seen {
  /** Key as text → ordinal, in first-seen order. */
  ordinals: Map<string, number>;
  /** By ordinal: key components, and the row that brought the key through the entity's own feed. */
  keys: { components: unknown[]; own: ReadonlyMap<string, unknown> | undefined }[];
}

/** Rows of each entity, at most `rowsMax`. Throws what the pipeline's functions throw. */
export function previewRows(
  pipeline: CompiledPipeline,
  source: readonly SourceRow[],
  rowsMax: number,
): Record<string, PreviewRow[]> {
  const accepted = source.flatMap((row) => (row.ok ? [row.values] : []));
  const seen = new Map<string, Seen>();
  for (const { name, kind } of pipeline.entities)
    if (kind === 'keyed') seen.set(name, { ordinals: new Map(), keys: [] });
  const byName = new Map(pipeline.entities.map((entity) => [entity.name, entity]));
  for (const values of accepted) {
    for (const feed of pipeline.feeds) {
      const selector = feed.selectedBy === undefined ? undefined : byName.get(feed.selectedBy)?.where;
      if (!passes(selector, reader(values))) continue;
      const components = feed.columns.map((column) => values.get(column) ?? null);
      if (components.includes(null)) continue;
      const target = seen.get(feed.target)!;
      const text = keyText(components);
      const ordinal = target.ordinals.get(text);
      if (ordinal === undefined) {
        target.ordinals.set(text, target.keys.length);
        target.keys.push({ components, own: feed.own ? values : undefined });
      } else if (feed.own) {
        target.keys[ordinal]!.own ??= values;
      }
    }
  }
  return Object.fromEntries(
    pipeline.entities.map((entity) => {
      const inputs: Input[] =
        entity.kind === 'keyed'
          ? seen.get(entity.name)!.keys.map(({ components, own }) => ({ values: own ?? new Map(), components }))
          : accepted
              .filter((values) => passes(entity.where, reader(values)))
              .map((values) => ({ values, components: [] }));
      const rows = inputs.slice(0, rowsMax).map((input, i) => outRow(entity, input, i, { pipeline, seen, accepted }));
      return [entity.name, rows];
    }),
  );
}

interface Input {
  values: ReadonlyMap<string, unknown>;
  components: unknown[];
}

interface World {
  pipeline: CompiledPipeline;
  seen: ReadonlyMap<string, Seen>;
  accepted: readonly ReadonlyMap<string, unknown>[];
}

function outRow(entity: Entity, input: Input, ordinal: number, world: World): PreviewRow {
  const row: PreviewRow = {};
  for (const column of entity.columns) row[column.name] = shown(cellOf(column, input, ordinal, world));
  return row;
}

function cellOf(column: OutColumn, { values, components }: Input, ordinal: number, world: World): unknown {
  const at = reader(values);
  switch (column.kind) {
    case 'id':
      return `${column.sequence}+${ordinal}`;
    case 'copy':
      return at(column.source);
    case 'map':
    case 'constant':
      return functionValue(column, at);
    case 'compute':
      return values.size === 0 ? null : functionValue(column, at);
    case 'key':
      return components[column.component];
    case 'ref': {
      const key = column.columns.map(at);
      // Of a key that no row describes nothing is known.
      if (key.includes(null)) return values.size === 0 ? null : (column.missing ?? null);
      const found = world.seen.get(column.entity)?.ordinals.get(keyText(key));
      return found === undefined ? null : `${sequenceOf(world.pipeline, column.entity)}+${found}`;
    }
    case 'rowRef': {
      const target = world.pipeline.entities.find(({ name }) => name === column.entity);
      if (!target || !passes(target.where, at)) return null;
      const before = world.accepted.slice(0, world.accepted.indexOf(values));
      const place = before.filter((other) => passes(target.where, reader(other))).length;
      return `${sequenceOf(world.pipeline, column.entity)}+${place}`;
    }
  }
}

function sequenceOf(pipeline: CompiledPipeline, entity: string): string {
  const own = pipeline.entities.find(({ name }) => name === entity)?.columns[0];
  return own?.kind === 'id' ? own.sequence : '';
}

const reader =
  (values: ReadonlyMap<string, unknown>): RowReader =>
  (column) =>
    values.get(column) ?? null;

function keyText(components: readonly unknown[]): string {
  return JSON.stringify(components.map((value) => [typeof value, shown(value)]));
}
