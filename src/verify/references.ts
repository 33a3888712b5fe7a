/**
 * Checks references: an ID must be one that the referenced entity, or one that shares its key index, has published. The
 * files that `verify.ts` has read are checked. It changes nothing.
 */

import type { Manifest } from '../documents/manifest.ts';
import { membersOf } from '../documents/manifests.ts';
import type { Environment } from '../environment/environment.ts';
import type { Table, TableColumn } from '../parquet/table.ts';
import type { CompiledPipeline, Entity } from '../pipeline/compiled.ts';
import { ascending, endOf, fromJson, type IdList, placeAmong } from '../sequence/id-range.ts';
import type { KeyBook } from './key-book.ts';

/** IDs from `first` to `last`, which a run gave. */
export interface Span {
  first: bigint;
  last: bigint;
  by: string;
}

/** The ranges of a list of IDs. */
export function spansOf(list: IdList, by: string): Span[] {
  const step = BigInt(list.step);
  return list.ranges.map(fromJson).map((range) => ({ first: range.first, last: endOf(range, step) - step, by }));
}

/** Checks that referenced IDs are in ranges that the referenced entity published, in this run or an earlier one. */
export function checkReferences(
  environment: Environment,
  pipeline: CompiledPipeline,
  entity: Entity,
  table: Table,
  manifest: Manifest,
  all: readonly Manifest[],
  book: KeyBook,
  at: string,
): string[] {
  const found: string[] = [];
  for (const column of entity.columns) {
    if (column.kind !== 'ref' && column.kind !== 'rowRef') continue;
    const target = pipeline.entities.find(({ name }) => name === column.entity);
    const cells = table.columns.find(({ name }) => name === column.name);
    if (!target || cells?.values.kind !== 'int64') {
      found.push(`${at}: column ${column.name} is missing`);
      continue;
    }
    const spans =
      column.kind === 'rowRef' ? entitySpans([manifest], target.name) : indexSpans(environment, target, all);
    const imported = target.kind === 'keyed' ? book.importedIds.get(target.index) : undefined;
    const stray = strayId(cells, spans, imported);
    if (stray !== undefined) found.push(`${at}: ${column.name} ${stray} is not an ID of ${column.entity}`);
  }
  return found;
}

/** The IDs of all entities that share an entity's key index, and of its unknown members. */
function indexSpans(environment: Environment, target: Entity, all: readonly Manifest[]): Span[] {
  if (target.kind === 'rows') return [];
  const members = membersOf(all, target.index).map((id) => ({ first: BigInt(id), last: BigInt(id), by: 'a member' }));
  const given = all.flatMap((manifest) => {
    const pipeline = environment.pipelines.get(manifest.pipeline);
    const sharing = pipeline?.entities.filter((other) => other.kind === 'keyed' && other.index === target.index) ?? [];
    return sharing.flatMap(({ name }) => entitySpans([manifest], name));
  });
  return [...members, ...given];
}

function entitySpans(manifests: readonly Manifest[], name: string): Span[] {
  return manifests.flatMap(({ entities, runId }) =>
    entities.filter(({ entity }) => entity === name).flatMap(({ ids }) => spansOf(ids, runId)),
  );
}

function strayId({ values, valid }: TableColumn, spans: Span[], imported?: BigInt64Array): bigint | undefined {
  if (values.kind !== 'int64') return undefined;
  spans.sort(ascending);
  const checked = new Set<bigint>();
  for (let row = 0; row < values.length; row++) {
    const id = values.data[row]!;
    if (valid?.[row] === 0 || checked.has(id)) continue;
    if (
      !spans.some(({ first, last }) => first <= id && id <= last) &&
      (!imported || imported[placeAmong(imported, id)] !== id)
    )
      return id;
    checked.add(id);
  }
  return undefined;
}
