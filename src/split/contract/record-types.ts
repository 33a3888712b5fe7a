/**
 * Columns of a mixed feed, where each record type has a schema of its own for a column, or none. A unit calls it for
 * columns with variants: the cheap ways of `contract-column.ts` are taken for each schema, with the rows that it holds for.
 */
import { gatherColumn, joinColumns } from '../../parquet/columns.ts';
import { strayReason } from '../../pipeline/by-row.ts';
import type { ContractColumn, RecordType, RecordTypes } from '../../pipeline/compiled.ts';
import type { SourceChunk } from '../../source/source-chunk.ts';
import { MadeColumn, type UnitColumn } from '../unit-column.ts';
import { CleanColumn, type CleanContext } from './contract-column.ts';

/** By row: place of its record type in `types`, -1 for a row whose type is refused. */
export function recordTypesOf(
  column: CleanColumn,
  { types }: RecordTypes,
  accepted: Uint8Array | undefined,
): Int32Array {
  const places = new Map<unknown, number>(types.map((type, place) => [type, place]));
  const view = column.js();
  const out = new Int32Array(column.rows).fill(-1);
  for (let row = 0; row < out.length; row++) {
    if (accepted?.[row] !== 0) out[row] = places.get(view.at(row)) ?? -1;
  }
  return out;
}

/**
 * Holds a column to the schemas of its record types, and to null in rows of types that do not have it.
 *
 * @param typeOf by row: place of its record type, -1 for none.
 */
export function variantColumn(
  contract: ContractColumn,
  chunks: readonly SourceChunk[],
  context: CleanContext,
  { column: discriminator, types }: RecordTypes,
  typeOf: Int32Array,
): UnitColumn {
  const variants = contract.variants!;
  const variantOf = types.map((type) => variants.findIndex((variant) => variant.types.includes(type)));
  const columns = variants.map(
    (variant, v) =>
      new CleanColumn(variant.contract, chunks, { ...context, variant: v, applies: maskOf(typeOf, variantOf, v) }),
  );
  const [first] = columns;
  if (variantOf.includes(-1)) {
    const reason = (row: number) => strayReason(discriminator, types[typeOf[row]!] as RecordType, contract.name);
    first!.refuseValues(maskOf(typeOf, variantOf, -1), reason);
  }
  if (columns.every((column) => column.unchanged) || columns.length === 1) return first!;
  return new MadeColumn(first!.type, contract.output, () => {
    const all = joinColumns(
      first!.type,
      columns.map((column) => column.column()),
    );
    const at = typeOf.map((type, row) => Math.max(0, variantOf[type] ?? 0) * typeOf.length + row);
    return gatherColumn(all, at);
  });
}

/** 1 for each row whose record type has the variant. */
function maskOf(typeOf: Int32Array, variantOf: readonly number[], variant: number): Uint8Array {
  const mask = new Uint8Array(typeOf.length);
  for (let row = 0; row < mask.length; row++) {
    const type = typeOf[row]!;
    mask[row] = type >= 0 && variantOf[type] === variant ? 1 : 0;
  }
  return mask;
}
