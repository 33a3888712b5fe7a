/**
 * The rows of unknown members: which ones a run publishes, and their bytes. The resolve of an entity's first key partition
 * calls it, under the lease of the key index, so that each member is published once over all runs that share the index.
 */
import type { OutLeaf } from '../documents/documents.ts';
import { publishedImports } from '../documents/imports.ts';
import type { Fragment } from '../documents/split-record.ts';
import type { Environment } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import type { IndexHead } from '../keys/index-documents.ts';
import { encodeColumn } from '../parquet/encode.ts';
import { builder } from '../parquet/logical.ts';
import { plainOnly, type Readers } from '../parquet/readers.ts';
import type { Codec } from '../parquet/types.ts';
import type { KeyedEntity, OutColumn } from '../pipeline/compiled.ts';
import type { StaticParts } from '../split/write/write-fragment.ts';
import { partOf } from './keyed-rows.ts';

/**
 * The unknown members of an entity that no run has published so far.
 *
 * @param environment the imports of keys are read where a member is to be published.
 * @param entity a keyed entity.
 * @param head the head of the index's first partition, with the pending keys decided.
 * @returns IDs as decimal text, ascending.
 * @throws OrdinalError `PipelineChanged` when imported keys may have one of the IDs.
 */
export async function membersToPublish(
  environment: Environment,
  { name, index, unknown = [] }: KeyedEntity,
  head: IndexHead,
): Promise<string[]> {
  const members = unknown.filter((id) => !head.unknown?.includes(id));
  if (members.length === 0) return members;
  for (const { file, from } of await publishedImports(environment, index)) {
    const taken = members.find((id) => file.firstId !== null && BigInt(id) >= BigInt(file.firstId));
    if (taken === undefined) continue;
    throw new OrdinalError(
      'PipelineChanged',
      `the unknown member of "${name}" would have ID ${taken}, and keys that were imported from "${from}" have IDs from ${file.firstId} on`,
      {
        where: { entity: name },
        remedy: `Let missing be a number below ${file.firstId}: negative numbers are allowed.`,
      },
    );
  }
  return members;
}

/**
 * The rows of unknown members: an ID, constants, and nothing else.
 *
 * @param entity a keyed entity.
 * @param leaves its columns, as they are written.
 * @param members IDs as decimal text.
 * @returns one fragment with all its bytes.
 */
export function unknownRows(
  entity: KeyedEntity,
  leaves: readonly OutLeaf[],
  members: readonly string[],
  codec: Codec,
  readers: Readers,
): { fragments: Fragment[]; sections: Int32Array[]; parts: StaticParts[][] } {
  const chunks = entity.columns.map((column, c) => {
    const { type, optional } = leaves[c]!;
    const cells = builder(type);
    for (const member of members) cells.push(cellOf(column, member));
    const whole = partOf({ ...cells.finish(), indices: undefined }, 0, members.length);
    return encodeColumn(whole, type, optional, codec, { plain: plainOnly(readers, type) });
  });
  const columns = chunks.map(({ meta }) => ({ kind: 'static' as const, meta }));
  return {
    fragments: [{ rowGroup: 0, rows: members.length, columns }],
    sections: [],
    parts: [chunks.map(({ parts }) => parts)],
  };
}

function cellOf(column: OutColumn, member: string): unknown {
  if (column.kind === 'id') return BigInt(member);
  return column.kind === 'constant' ? column.value : null;
}
