/**
 * Which chunks of a unit pass unread: the service copies them (`copy: 'service'`). The pipeline and the footer alone
 * decide, so that each execution of a batch decides the same. The reader of units asks. It must never let a chunk pass
 * that could hold what the row contract refuses or changes, as far as footers can tell.
 */
import type { Plan } from '../documents/documents.ts';
import { limits } from '../limits.ts';
import { isDictionaryEncoding } from '../parquet/constants.ts';
import { levelMaxOf } from '../parquet/levels.ts';
import { outputCodec } from '../parquet/readers.ts';
import { encodingsReadByAll } from '../parquet/reused-pages.ts';
import { typeText } from '../parquet/type-text.ts';
import type { ChunkMeta, ColumnType, Leaf } from '../parquet/types.ts';
import type { CompiledPipeline, ContractColumn } from '../pipeline/compiled.ts';
import type { PinnedBlob } from '../source/source-file.ts';
import { columnsRead } from './columns-read.ts';
import { provenByStatistics } from './contract/number-proof.ts';

/** A chunk whose bytes stay in the source blob. */
export interface UnreadChunk {
  /** The source blob, in the version that is pinned. */
  file: PinnedBlob;
  /** Type of its values. */
  type: ColumnType;
  meta: ChunkMeta;
}

/** Whether a column's chunk passes unread, by the leaf and the chunk as the footer has them. */
export type PassesUnread = (contract: ContractColumn, leaf: Leaf, meta: ChunkMeta) => boolean;

/**
 * The rule for the chunks of a run.
 * @param pipeline the pipeline
 * @param plan its plan: from how many bytes on the service copies chunks, and the types of columns
 * @returns the rule for chunks of units that are one whole row group; undefined where none passes
 */
export function passesUnread(pipeline: CompiledPipeline, plan: Plan): PassesUnread | undefined {
  const { copiedBytesMin, ways = 'any', outputs, sources } = plan;
  if (copiedBytesMin === undefined || ways !== 'any') return undefined;
  const copied = onlyCopied(pipeline, outputs);
  return (contract, leaf, meta) => {
    const optional = copied.get(contract.name);
    const type = contract.outputType ?? sources[contract.name]!;
    const { length, numValues, unsupported, bytes } = meta;
    if (optional === undefined || unsupported || bytes) return false;
    if (length < copiedBytesMin || length > limits.copiedBlockBytesMax) return false;
    if (leaf.optional !== optional || levelMaxOf(leaf) > 1 || typeText(leaf.type) !== typeText(type)) return false;
    // What a footer counts as the nulls of a leaf in groups is told in more than one way.
    const nulls = leaf.optional && (leaf.path || meta.statistics?.nullCount !== 0);
    if (nulls && !contract.nullable) return false;
    return provenByStatistics(contract, leaf.type, meta, numValues) && pagesMayPass(leaf, meta);
  };
}

/** Whether the footer says enough of a chunk's pages to name them in another file, and that all readers take them. */
function pagesMayPass(leaf: Leaf, { codec, encodings, dictionaryPageOffset }: ChunkMeta): boolean {
  if (outputCodec(codec, undefined) !== codec) return false;
  // Some writers do not say where the dictionary ends and the values begin.
  if (encodings.some(isDictionaryEncoding) && dictionaryPageOffset === undefined) return false;
  return encodingsReadByAll(encodings, leaf);
}

/** Contract columns that rows entities copy for all rows, and that nothing else uses: whether outputs have nulls in them. */
function onlyCopied(pipeline: CompiledPipeline, outputs: Plan['outputs']): ReadonlyMap<string, boolean> {
  const { contract, entities, rowChecks = [] } = pipeline;
  const copied = new Map<string, boolean>();
  const used = columnsRead(pipeline);
  for (const { name, variants } of contract) if (variants) used.add(name);
  for (const { columns } of rowChecks) for (const { name } of columns) used.add(name);
  for (const { name: entity, columns } of entities) {
    for (const [c, column] of columns.entries()) {
      if (column.kind !== 'copy') continue;
      const { optional } = outputs[entity]![c]!;
      // Two outputs that state nulls otherwise need pages of their own.
      if ((copied.get(column.source) ?? optional) !== optional) used.add(column.source);
      copied.set(column.source, optional);
    }
  }
  for (const name of used) copied.delete(name);
  return copied;
}
