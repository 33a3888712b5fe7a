/**
 * Stages what a resolve has made of a keyed entity: the static blocks of one dataset, and the record for the seal. The
 * resolve calls it. The record must be written after the blocks.
 */
import { crcOf } from '../bytes/crc32.ts';
import { segmentsOf } from '../documents/split-record.ts';
import type { Environment } from '../environment/environment.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { packCompressedFrame } from '../storage/frame.ts';
import type { Uploads } from '../storage/in-flight.ts';
import { blockId, type KeyedDatasetKind, type Life, output, work } from '../storage/names.ts';
import type { NewRows } from './keyed-rows.ts';

export interface StagedPlace {
  pipeline: CompiledPipeline;
  of: Life;
  entity: string;
  partition: number;
  kind: KeyedDatasetKind;
}

/** Stages the blocks of a dataset's file; the function that it gives writes the record, once the uploads are done. */
export async function stageRows(
  { store, config }: Environment,
  uploads: Uploads,
  { pipeline, of, entity, partition, kind }: StagedPlace,
  { fragments, sections, parts }: ReturnType<NewRows['finish']>,
): Promise<() => Promise<void>> {
  const blob = output.keyed(pipeline, entity, of, partition, kind);
  let rows = 0;
  for (const [f, fragment] of fragments.entries()) {
    rows += fragment.rows;
    const segments = segmentsOf(fragment.columns);
    fragment.checksums = segments.map(() => 0);
    for (const [index, segment] of segments.entries()) {
      if (segment.late) continue;
      const pieces = segment.pieces.flatMap((piece) => parts[f]![piece.column]!);
      fragment.checksums[index] = crcOf(pieces);
      const id = blockId(0, fragment.rowGroup, index);
      await uploads.add(() => store.stageBlock(pipeline.output.container, blob, id, pieces));
    }
  }
  return async () => {
    const record = packCompressedFrame({ entity, rows, fragments }, sections);
    await store.write(config.workContainer, work.resolved(of, entity, partition, kind), record);
  };
}
