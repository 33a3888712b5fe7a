/**
 * Checks unknown members: each that a pipeline's references name has one row over all runs that share the key index, with
 * its ID, constants, and nothing else. `verify.ts` calls it. It changes nothing.
 */
import type { Manifest } from '../documents/manifest.ts';
import { inOrderOfPublication, membersOf } from '../documents/manifests.ts';
import type { Table } from '../parquet/table.ts';
import type { CompiledPipeline, Entity } from '../pipeline/compiled.ts';
import { endOf, fromJson } from '../sequence/id-range.ts';
import { canonOfJs, cellReader, shortest, shownCanon } from './canonical-value.ts';

/** Checks which members a run has published of an entity, against all other runs. */
export function checkMembers(
  pipeline: CompiledPipeline,
  entity: Entity,
  manifest: Manifest,
  all: readonly Manifest[],
): string[] {
  if (entity.kind !== 'keyed') return [];
  const found: string[] = [];
  const { name, index, unknown = [] } = entity;
  const published = manifest.entities.find((one) => one.entity === name);
  const own = published?.keys?.partitions.flatMap((partition) => partition.unknown ?? []) ?? [];
  const rows = published?.unknown?.rows ?? 0;
  if (rows !== own.length)
    found.push(`${name}: ${rows} rows of unknown members, but ${own.length} were to be published`);
  for (const id of own) {
    const times = membersOf(all, index).filter((other) => other === id).length;
    if (times > 1) found.push(`${name}: the unknown member ${id} was published ${times} times`);
    const giver = all.find((run) => gives(run, published!.ids.sequence, BigInt(id)));
    if (giver) found.push(`${name}: the unknown member has ID ${id}, which run ${giver.runId} gave to a row`);
  }
  if (pipeline.hash !== manifest.pipelineHash) return found;
  const runs = inOrderOfPublication(all);
  const until = runs.slice(0, runs.findIndex(({ runId }) => runId === manifest.runId) + 1);
  const there = new Set(membersOf(until, index));
  for (const id of unknown) if (!there.has(id)) found.push(`${name}: the unknown member ${id} has no row`);
  return found;
}

/** Whether a run gave an ID of a sequence. */
function gives({ sequences }: Manifest, sequence: string, id: bigint): boolean {
  const drawn = sequences[sequence];
  const step = BigInt(drawn?.step ?? 1);
  const ranges = drawn?.ranges.map(fromJson) ?? [];
  return ranges.some((range) => id >= range.first && id < endOf(range, step) && (id - range.first) % step === 0n);
}

/** Checks the rows of a file of unknown members. */
export function memberRows(
  entity: Entity,
  { keys }: Manifest['entities'][number],
  table: Table,
  blob: string,
): string[] {
  const found: string[] = [];
  const members = keys?.partitions.flatMap((partition) => partition.unknown ?? []) ?? [];
  for (const column of entity.columns) {
    // The pipeline may have columns now that it had not then.
    if (!table.columns.some(({ name }) => name === column.name)) continue;
    const cell = cellReader(table, column.name);
    for (const [row, id] of members.entries()) {
      const wanted =
        column.kind === 'id'
          ? shortest(BigInt(id))
          : column.kind === 'constant'
            ? canonOfJs(column.value, column.type)
            : null;
      const got = cell(row);
      if (!Object.is(got, wanted))
        found.push(`${blob}: row ${row}, ${column.name} is ${shownCanon(got)}, but ${shownCanon(wanted)} for a member`);
    }
  }
  return found;
}
