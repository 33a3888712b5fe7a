/**
 * Replays of refused rows that meet: two commands at once, a run that is reading an earlier replay, rows that a replay has
 * refused again, a run that was withdrawn, a replay whose blob is gone. No row may come in twice.
 */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'vitest';
import { z } from 'zod';
import { prepareReplay, putReplay, type Replay } from '../../cli/replayed-rows.ts';
import { type Manifest, manifestSchema } from '../../src/documents/manifest.ts';
import { readTable, type TableColumn, writeTable } from '../../src/parquet/table.ts';
import { gather } from '../../src/parquet/values.ts';
import { compile } from '../../src/pipeline/compile.ts';
import { pipeline } from '../../src/pipeline/index.ts';
import { planRun } from '../../src/plan/activity.ts';
import { Engine } from '../engine/support/drive.ts';
import { column, long } from '../table-format/support/races.ts';

const lines = compile(
  pipeline({
    name: 'lines',
    source: { container: 'landing', prefix: 'lines/' },
    onInvalid: 'quarantine',
    maxRejected: 1,
    row: z.object({ n: z.int().nonnegative() }),
    entities: ({ id }) => ({ lines: { kind: 'rows', id: id('line_id'), columns: { n: 'n' } } }),
  }),
);

let engine: Engine;
let refused: Uint8Array;
beforeEach(async () => {
  engine = new Engine(lines);
  await engine.upload('lines/day/a.parquet', writeTable([column('n', long, [1n, -2n, -3n])]));
  await engine.run('first', 'lines/day/');
  refused = engine.store.bytes('published', manifestOf('first').rejected!.sourceRows!);
});

function manifestOf(runId: string): Manifest {
  return manifestSchema.parse(
    JSON.parse(Buffer.from(engine.store.bytes('published', `lines/_manifests/${runId}.json`)).toString()),
  );
}

/** Rows `at` of the refused ones, mended. */
function mended(...at: number[]): Uint8Array {
  const rows = Int32Array.from(at);
  const columns = readTable(refused, 'refused').columns.map((one): TableColumn => {
    if (one.name === 'n')
      return column(
        'n',
        long,
        at.map((row) => BigInt(row + 2)),
      );
    return {
      ...one,
      values: gather(one.values, rows),
      valid: one.valid && Uint8Array.from(at, (row) => one.valid![row]!),
    };
  });
  return writeTable(columns);
}

const prepare = (bytes: Uint8Array, runId = 'first') =>
  prepareReplay(engine.environment, lines, manifestOf(runId), bytes, 'given');
const put = (replay: Replay) => putReplay(engine.environment, lines, replay);

async function replayed(bytes: Uint8Array): Promise<void> {
  const replay = await prepare(bytes);
  await put(replay);
  await engine.run(replay.runId, 'lines/_replayed/');
}

const replays = () => engine.store.names('landing', 'lines/_replayed/');

test('of two commands at once one is refused, and takes its rows out of the source', async () => {
  const [one, other] = [await prepare(mended(0, 1)), await prepare(mended(0))];
  await put(one);
  await assert.rejects(put(other), { code: 'AlreadyRead', message: /another command is taking in rows/ });
  assert.deepEqual(
    replays(),
    one.blobs.map(({ blob }) => blob),
  );
  // The same command again is the same blob.
  await put(one);
});

test('while a run reads an earlier replay, another one is refused', async () => {
  const earlier = await prepare(mended(0, 1));
  await put(earlier);
  const input = { runId: earlier.runId, pipeline: 'lines', prefix: 'lines/_replayed/' };
  await engine.activity(planRun, input);
  await assert.rejects(prepare(mended(0)), {
    code: 'AlreadyRead',
    message: new RegExp(`run "${earlier.runId}" is taking in rows that run "first" refused`),
  });
  assert.equal(replays().length, 1);
});

test('an earlier replay that nobody has read is given up', async () => {
  await put(await prepare(mended(0, 1)));
  const later = await prepare(mended(1));
  assert.deepEqual(replays(), []);
  await put(later);
});

test('rows that a replay has refused again are replayed as rows of the run that refused them first', async () => {
  const again = await prepare(refused);
  await put(again);
  await engine.run(again.runId, 'lines/_replayed/');
  const { rejected } = manifestOf(again.runId);
  assert.equal(rejected!.rows, 2);
  await assert.rejects(prepare(engine.store.bytes('published', rejected!.sourceRows!), again.runId), {
    code: 'InvalidRequest',
    message: /has rows of "lines\/_replayed\/replay-.*", which run "first" refused first/,
    remedy: /runs replay-rejects first/,
  });
  await replayed(mended(0));
  await assert.rejects(prepare(mended(0, 1)), { code: 'InvalidRequest', message: /has taken in/ });
});

test('what a withdrawn run has refused is not replayed: its source is new again', async () => {
  const manifest = { ...manifestOf('first'), outcome: 'withdrawn' as const };
  await assert.rejects(prepareReplay(engine.environment, lines, manifest, mended(0), 'given'), {
    code: 'InvalidRequest',
    message: /was withdrawn/,
  });
});

test('a replay whose blob is gone is asked for by name: nobody knows which rows it brought', async () => {
  await replayed(mended(0));
  await engine.store.remove('landing', replays()[0]!);
  await assert.rejects(prepare(mended(0, 1)), { code: 'StorageFailed', message: /is gone, and with it which rows/ });
});
