/**
 * A source file's footer, reduced to what the plan needs: rows and bytes of its row groups, and the type of each
 * contract column. A run may have a hundred thousand files, so a footer is reduced as soon as it was read, and files of
 * one shape share it. What a footer alone can show to be wrong is refused here, by the file's name.
 */
import type { BadFileReason } from '../documents/bad-files.ts';
import type { FileColumn, FileShape, SourceFile } from '../documents/source-files.ts';
import { OrdinalError } from '../errors.ts';
import { compatible, typeText } from '../parquet/logical.ts';
import type { ColumnType, FileMeta, Leaf } from '../parquet/types.ts';
import type { CompiledPipeline, ContractColumn } from '../pipeline/compiled.ts';
import { leafOf, type PinnedBlob } from '../source/source-file.ts';
import { decodedBytes } from '../source/units.ts';

/** Shapes by their text: equal ones are one object. */
export class Shapes {
  readonly #known = new Map<string, FileShape>();

  one(shape: FileShape): FileShape {
    const text = JSON.stringify(shape);
    const known = this.#known.get(text) ?? shape;
    this.#known.set(text, known);
    return known;
  }
}

/**
 * Throws `MissingColumn`, `NestedColumn`, `ColumnTypeMismatch` or `UnsupportedFile`, naming blob and column.
 *
 * @param shapes of the files that are summarized together.
 */
export function summarizeFile(
  pipeline: CompiledPipeline,
  { blob, etag, size }: PinnedBlob,
  meta: FileMeta,
  shapes: Shapes,
): SourceFile {
  const leaves = pipeline.contract.map(({ name }) => leafOf(meta, name, blob));
  const columns = pipeline.contract.map((contract, c) => fileColumn(contract, meta, leaves[c]!, blob));
  const first = meta.rowGroups.find(({ rows }) => rows > 0)?.chunks[leaves[0]?.ordinal ?? -1];
  return {
    blob,
    etag,
    size,
    rows: meta.rows,
    shape: shapes.one({ columns, ...(first && { codec: first.codec }) }),
    groups: meta.rowGroups.map((group) => [group.rows, decodedBytes(leaves, group)]),
  };
}

/** A file that is set aside: it has no rows, and nothing to say of any column. */
export function badFile(
  pipeline: CompiledPipeline,
  { blob, etag, size }: PinnedBlob,
  bad: BadFileReason,
  shapes: Shapes,
): SourceFile {
  const columns = pipeline.contract.map(
    (): FileColumn => ({ type: { physical: 'BYTE_ARRAY' }, optional: false, empty: true }),
  );
  return { blob, etag, size, rows: 0, shape: shapes.one({ columns }), groups: [], bad };
}

function fileColumn(contract: ContractColumn, meta: FileMeta, leaf: Leaf, blob: string): FileColumn {
  checkUsable(meta, leaf, blob);
  const empty = isEmpty(meta, leaf);
  if (!empty) checkKind(contract, { type: leaf.type, blob });
  return { type: leaf.type, optional: leaf.optional, ...(empty && { empty }) };
}

/** Whether the footer says that the column holds nulls alone: writers give such a column any type. */
function isEmpty(meta: FileMeta, leaf: Leaf): true | undefined {
  if (!leaf.optional) return undefined;
  const groups = meta.rowGroups.filter(({ rows }) => rows > 0);
  if (leaf.type.annotation?.kind === 'unknown') return true;
  const empty = groups.every(({ rows, chunks }) => chunks[leaf.ordinal]!.statistics?.nullCount === rows);
  return (groups.length > 0 && empty) || undefined;
}

/** Chunks in a codec or encoding that cannot be read are refused now, not half-way. */
function checkUsable(meta: FileMeta, leaf: Leaf, blob: string): void {
  meta.rowGroups.forEach((group, rowGroup) => {
    const unsupported = group.chunks[leaf.ordinal]?.unsupported;
    if (unsupported === undefined) return;
    throw new OrdinalError('UnsupportedFile', `column "${leaf.name}" cannot be read: ${unsupported}`, {
      where: { blob, rowGroup, column: leaf.name },
      remedy: 'Write the source in a supported codec and encoding.',
    });
  });
}

/** Throws `ColumnTypeMismatch` where no file's type is one that the contract reads. */
export function checkKind(contract: ContractColumn, { type, blob }: { type: ColumnType; blob: string }): void {
  const verdict = compatible(type, contract.input);
  if (verdict === true) return;
  throw new OrdinalError('ColumnTypeMismatch', `column "${contract.name}" is ${typeText(type)}: ${verdict}`, {
    where: { blob, column: contract.name },
    remedy: `Correct the schema of "${contract.name}" in the pipeline's row contract, or the source.`,
  });
}
