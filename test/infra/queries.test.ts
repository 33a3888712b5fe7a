/** Queries ask for nothing that the app does not log: every member they name is in a line that it really writes. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { describe, it } from 'vitest';
import { pipelines } from '../../pipelines/index.ts';
import { receiveArrival } from '../../src/arrival/receive.ts';
import { parseConfig } from '../../src/environment/config.ts';
import { logged } from '../../src/environment/telemetry.ts';
import { planRun } from '../../src/plan/activity.ts';
import { activities, clientActivities } from '../../src/registration/activity-list.ts';
import { discardRun } from '../../src/run/discard-activity.ts';
import { sealBatches } from '../../src/seal/activity.ts';
import { splitBatch } from '../../src/split/activity.ts';
import { sweep } from '../../src/upkeep/sweep.ts';
import { ClockedStore } from '../http/support/clocked-store.ts';
import { flightsFile } from '../http/support/flights.ts';
import { StandingRuns } from '../http/support/runs.ts';

type Line = Record<string, unknown>;

/** Lines of activities, of arrivals and of a sweep, from the code that writes them. */
async function written(): Promise<Line[]> {
  const lines: Line[] = [];
  const log = {
    info: (text: string) => lines.push(JSON.parse(text) as Line),
    warn: (text: string) => lines.push(JSON.parse(text) as Line),
  };
  const store = new ClockedStore();
  const runs = new StandingRuns();
  const config = parseConfig({ AzureWebJobsStorage: 'x' });
  const environment = { store, config, pipelines };
  await store.ensureContainer('landing');
  await store.write('landing', 'flights/a.parquet', flightsFile(10));
  await store.write('landing', 'flights/bad.parquet', Buffer.from('no Parquet at all'));
  const plan = { runId: 'r', pipeline: 'flights', prefix: 'flights/a' };
  await logged('planRun', plan, log, () => planRun.run(environment, plan));
  const batch = { runId: 'r', batch: 0 };
  await logged('splitBatch', batch, log, () => splitBatch.run(environment, batch));
  const group = { runId: 'r', group: 0 };
  await logged('sealBatches', group, log, () => sealBatches.run(environment, group));
  const undone = { runId: 'r', life: 1 };
  await logged('discardRun', undone, log, () => discardRun.run(environment, undone));
  const error = {
    code: 'InvalidValue',
    message: 'm',
    retryable: false,
    where: { blob: 'b', column: 'c', row: 1 },
  } as const;
  await logged('splitBatch', batch, log, async () => ({ ok: false, error }));
  const arrival = {
    environment,
    runs,
    log,
    now: new Date(),
    pipeline: pipelines.get('flights')!,
    mode: { on: 'blob' } as const,
  };
  await receiveArrival(arrival, 'flights/bad.parquet');
  runs.put('late', { status: 'Running', input: { ...plan, runId: 'late', deadline: '2026-01-01T00:00:00Z' } });
  await sweep({ environment, runs, log, now: () => new Date('2026-02-01T00:00:00Z') });
  return lines;
}

const folder = new URL('../../queries/', import.meta.url);
const blobTriggers = new URL('../../packages/local-host/src/triggers/blob.ts', import.meta.url);

describe('queries', async () => {
  const lines = await written();

  it('find a life that was undone as a failed run, and none that ended well', () => {
    const found = lines.filter(({ activity, ok, rows }) => activity === 'discardRun' && ok === true && rows === 0);
    assert.equal(found.length, 1);
    assert.equal(found[0]!.runId, 'r');
  });
  const has = (path: string): boolean =>
    lines.some((line) => {
      const value = path.split('.').reduce<unknown>((at, name) => (at as Line | undefined)?.[name], line);
      return value !== undefined;
    });
  const words = new Set(lines.flatMap((line) => [line.event, line.activity, line.verdict]));
  for (const file of await readdir(folder)) {
    it(file, async () => {
      const text = await readFile(new URL(file, folder), 'utf8');
      if (file === 'alert-poison-queue.kql') {
        // The host's own text, not the app's: that of its queue, as the local host names it too.
        const [, queue] = /poisonQueueName = '([\w-]+)'/.exec(await readFile(blobTriggers, 'utf8'))!;
        assert.ok(text.includes(`message has '${queue}'`));
        return;
      }
      const asked = new Set([...text.matchAll(/\bline((?:\.\w+)+)/g)].map(([, path]) => path!.slice(1)));
      assert.ok(asked.size > 2);
      assert.deepEqual(
        [...asked].filter((path) => !has(path)),
        [],
      );
      const registered = new Set([...activities, ...clientActivities].map(({ name }) => name));
      const named = [...text.matchAll(/(?:event|activity)\)? (?:== |in \()((?:'\w+'(?:, )?)+)/g)].flatMap(([, list]) =>
        [...list!.matchAll(/'(\w+)'/g)].map(([, each]) => each!),
      );
      assert.ok(named.length > 0);
      assert.deepEqual(
        named.filter((word) => !words.has(word) && !registered.has(word)),
        [],
      );
    });
  }
});
