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
import { foldersOf, folderValues } from '../pipeline/folders.ts';
import { withAbsent } from '../source/absent-columns.ts';
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
 * Throws `MissingColumn`, `NestedColumn`, `InvalidFolder`, `ColumnTypeMismatch` or `UnsupportedFile`, naming blob and
 * column.
 *
 * @param shapes of the files that are summarized together.
 */
export function summarizeFile(
  pipeline: CompiledPipeline,
  { blob, etag, size }: PinnedBlob,
  meta: FileMeta,
  shapes: Shapes,
): SourceFile {
  const whole = withAbsent(meta, pipeline.contract);
  const leaves = pipeline.contract.map((contract) => leafOf(whole, contract, blob));
  // What the blob's name says is read again when its rows are.
  folderValues(foldersOf(pipeline), blob);
  const columns = pipeline.contract.map((contract, c) => fileColumn(contract, whole, leaves[c]!, blob));
  const first = whole.rowGroups.find(({ rows }) => rows > 0)?.chunks[leaves[0]?.ordinal ?? -1];
  return {
    blob,
    etag,
    size,
    rows: meta.rows,
    shape: shapes.one({ columns, ...(first && { codec: first.codec }) }),
    groups: whole.rowGroups.map((group) => [group.rows, decodedBytes(leaves, group)]),
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
    (): FileColumn => ({ type: { physical: 'BYTE_ARRAY' }, optional: false, empty: true, absent: true }),
  );
  return { blob, etag, size, rows: 0, shape: shapes.one({ columns }), groups: [], bad };
}

function fileColumn(contract: ContractColumn, meta: FileMeta, leaf: Leaf, blob: string): FileColumn {
  checkUsable(meta, leaf, blob);
  const { type, optional } = leaf;
  const holds = leaf.absent ? 'nulls' : held(meta, leaf);
  const isUnsure = holds === 'unknown' && contract.nullable;
  if (holds !== 'nulls' && !isUnsure) checkKind(contract, { type, blob });
  return {
    type,
    optional,
    ...(holds === 'nulls' && { empty: true as const }),
    ...(isUnsure && { unsure: true as const }),
    ...(leaf.absent && { absent: true as const }),
  };
}

/** What a column holds by the footer. Where it holds no value, its type says nothing: writers give it any. */
function held(meta: FileMeta, leaf: Leaf): 'values' | 'nulls' | 'unknown' {
  const groups = meta.rowGroups.filter(({ rows }) => rows > 0);
  if (groups.length === 0 || leaf.type.annotation?.kind === 'unknown') return 'nulls';
  if (!leaf.optional) return 'values';
  const nulls = groups.map(({ rows, chunks }) => ({ rows, count: chunks[leaf.ordinal]!.statistics?.nullCount }));
  if (nulls.some(({ rows, count }) => count !== undefined && count < rows)) return 'values';
  return nulls.every(({ count }) => count !== undefined) ? 'nulls' : 'unknown';
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
