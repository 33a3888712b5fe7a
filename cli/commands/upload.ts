/**
 * The command `pipelines upload`: puts Parquet files of this machine where a pipeline reads, for a first run and for tests.
 * It writes over nothing unless it is told to, and starts no run by itself.
 */
import path from 'node:path';
import { pipelineOf } from '../../src/environment/environment.ts';
import { OrdinalError } from '../../src/errors.ts';
import type { CompiledPipeline } from '../../src/pipeline/compiled.ts';
import type { BlobStore } from '../../src/storage/store.ts';
import { isConflict } from '../../src/storage/write-once.ts';
import { defineCommand, UsageError } from '../command.ts';
import { openFile } from '../open-file.ts';
import { bytes as sizeText } from '../terminal/text.ts';

/** Bytes of a block that a file is staged in. */
const BLOCK_BYTES = 8 * 1024 * 1024;

/**
 * Uploads a file as one blob, in blocks, so that memory does not grow with it.
 * @param store the storage of the settings
 * @param source where the pipeline reads
 * @param file path of the file; the blob has its name, below the source's prefix
 * @param replace whether a blob of that name may be replaced by the file
 * @returns name of the blob, and its size in bytes
 * @throws OrdinalError `StorageConflict` when the blob is there and may not be replaced, `SourceEmpty` when the file cannot
 *   be read, `LimitExceeded` when it is larger than a blob can be
 */
export async function uploadFile(
  store: BlobStore,
  { container, prefix, suffix }: CompiledPipeline['source'],
  file: string,
  replace: boolean,
): Promise<{ blob: string; bytes: number }> {
  const blob = `${prefix}${path.basename(file)}`;
  if (!blob.endsWith(suffix))
    throw new UsageError(`${file} does not end in ${suffix}: the pipeline would not read it.`);
  const { handle, size } = await openFile(file);
  try {
    const ids: string[] = [];
    for (let at = 0; at < size; at += BLOCK_BYTES) {
      const bytes = new Uint8Array(Math.min(BLOCK_BYTES, size - at));
      for (let read = 0; read < bytes.length; ) {
        const { bytesRead } = await handle.read(bytes, read, bytes.length - read, at + read);
        if (bytesRead === 0) throw new OrdinalError('TruncatedFile', `"${file}" ended while it was read`);
        read += bytesRead;
      }
      const id = Buffer.from(String(ids.length).padStart(6, '0')).toString('base64');
      await store.stageBlock(container, blob, id, [bytes]);
      ids.push(id);
    }
    await store.commitBlocks(container, blob, ids, replace ? {} : { ifAbsent: true });
    return { blob, bytes: size };
  } catch (thrown) {
    if (!isConflict(thrown)) throw thrown;
    throw new OrdinalError('StorageConflict', `"${container}/${blob}" is there already`, {
      where: { blob },
      remedy: 'Give the file another name. Or replace the blob: add --replace.',
    });
  } finally {
    await handle.close();
  }
}

export const uploadCommand = defineCommand({
  name: 'pipelines upload',
  summary: 'Upload Parquet files of this machine to where a pipeline reads',
  needs: ['storage'],
  details:
    'Each blob has the name of its file, under the prefix of the source. No run is started, unless arrivals start one.',
  examples: [['pipelines upload orders day1.parquet day2.parquet', 'then: runs start orders --wait']],
  configure: (command) =>
    command
      .argument('<pipeline>', 'name of a pipeline')
      .argument('<files...>', 'paths of Parquet files')
      .option('--replace', 'write over blobs of these names'),
  work: async (given, { replace }, name, files) => {
    const environment = await given.environment();
    const { source } = pipelineOf(environment, name);
    const { store } = environment;
    await store.ensureContainer(source.container);
    const uploaded: { blob: string; bytes: number }[] = [];
    for (const file of files) {
      given.signal.throwIfAborted();
      uploaded.push(await uploadFile(store, source, file, replace === true));
    }
    const show = uploaded.map(({ blob, bytes }) => `${source.container}/${blob}: ${sizeText(bytes)}`);
    return { show, value: { container: source.container, uploaded } };
  },
});
