/**
 * The command `runs replay-rejects`: refused rows of a run back in, mended or as they are, as a blob and a run of their own.
 * The same rows are the same blob and the same run, so a repeated command changes nothing.
 */
import { manifestOfRun } from '../../src/documents/manifests.ts';
import { pipelineOf } from '../../src/environment/environment.ts';
import { OrdinalError } from '../../src/errors.ts';
import { requireBytes } from '../../src/storage/json.ts';
import { defineCommand, UsageError } from '../command.ts';
import { openFile } from '../open-file.ts';
import { parseDuration } from '../parse.ts';
import { prepareReplay, putReplay } from '../replayed-rows.ts';
import { startRunOf } from './start-run.ts';

/** @throws OrdinalError `SourceEmpty` when it cannot be read */
async function readWhole(file: string): Promise<Uint8Array> {
  const { handle } = await openFile(file);
  try {
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

export const replayRejectsCommand = defineCommand({
  name: 'runs replay-rejects',
  summary: 'Take refused rows of a run in, mended or as they are, as a run of their own',
  needs: ['storage', 'app'],
  details:
    'The rows go to a new blob under the prefix of the source, or to one in each of their folders, where folders are columns. A run reads these blobs alone: the rows get the next IDs of the sequences. A row that the contract still refuses is refused again. No row is taken in twice.',
  examples: [
    ['runs replay-rejects RUN --from mended.parquet --wait', 'after the rows were mended'],
    ['runs replay-rejects RUN --wait', 'after the contract was widened'],
  ],
  configure: (command) =>
    command
      .argument('<run>', 'the run that refused the rows')
      .option('--from <file>', 'a Parquet file with mended rows, in place of the rows that the run kept')
      .option('--wait', 'follow the run to its end')
      .option('--timeout <duration>', 'with --wait: end the command after this time (15m)', parseDuration),
  work: async (given, { from, wait, timeout }, runId) => {
    if (timeout !== undefined && !wait) throw new UsageError('--timeout goes with --wait');
    const environment = await given.environment();
    const { store } = environment;
    const manifest = await manifestOfRun(environment, runId);
    const kept = manifest?.rejected?.sourceRows;
    if (!manifest || kept === undefined) {
      throw new OrdinalError('UnknownRun', `run "${runId}" has kept no refused rows`, {
        remedy: 'Name a run whose view has rejected.sourceRows.',
      });
    }
    const name = from ?? kept;
    const bytes = from ? await readWhole(from) : await requireBytes(store, manifest.output.container, kept);
    const pipeline = pipelineOf(environment, manifest.pipeline);
    const replay = await prepareReplay(environment, pipeline, manifest, bytes, name);
    await putReplay(environment, pipeline, replay);
    const body = { blobs: replay.blobs.map(({ blob }) => blob), runId: replay.runId };
    return await startRunOf(given, pipeline.name, body, { wait, timeout });
  },
});
