/**
 * The command `runs replay-rejects`: refused rows of a run back in, mended or as they are, as a blob and a run of their own.
 * The same rows are the same blob and the same run, so a repeated command changes nothing.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { manifestOfRun } from '../../src/documents/manifests.ts';
import { pipelineOf } from '../../src/environment/environment.ts';
import { OrdinalError } from '../../src/errors.ts';
import { parseFooter } from '../../src/parquet/footer-read.ts';
import { requireBytes } from '../../src/storage/json.ts';
import { isConflict } from '../../src/storage/write-once.ts';
import { defineCommand, UsageError } from '../command.ts';
import { parseDuration } from '../parse.ts';
import { startRunOf } from './start-run.ts';

export const replayRejectsCommand = defineCommand({
  name: 'runs replay-rejects',
  summary: 'Take refused rows of a run in, mended or as they are, as a run of their own',
  needs: ['storage', 'app'],
  details:
    'The rows go to a new blob under the prefix of the source, and a run reads that blob alone: they get the next IDs of the sequences. Rows that the contract still refuses are refused again.',
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
    const bytes = from ? await readFile(from) : await requireBytes(store, manifest.output.container, kept);
    const { rows } = parseFooter(bytes, bytes.byteLength, from ?? kept);
    const refused = manifest.rejected!.rows;
    if (rows === 0 || rows > refused) {
      throw new OrdinalError('InvalidRequest', `"${from ?? kept}" has ${rows} rows, and the run refused ${refused}`, {
        remedy: 'Give a file with mended rows of this run and no others.',
      });
    }
    const { source, name: pipeline } = pipelineOf(environment, manifest.pipeline);
    const digest = createHash('sha256').update(runId).update(bytes).digest('hex').slice(0, 16);
    const blob = `${source.prefix}_replayed/${runId}-${digest}${source.suffix}`;
    try {
      await store.write(source.container, blob, bytes, { ifAbsent: true });
    } catch (thrown) {
      // The same rows are there already.
      if (!isConflict(thrown)) throw thrown;
    }
    return await startRunOf(given, pipeline, { blobs: [blob], runId: `replay-${digest}` }, { wait, timeout });
  },
});
