/**
 * The same on a real host: the built app under the local host with Azurite, several pipelines at once over HTTP, runs
 * ended by an operator, the host killed at some moment and started again. Then everything is verified by the command
 * line. Needs `npm run build`.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { BlobServiceClient } from '@azure/storage-blob';
import { test } from 'vitest';
import { startHost } from '../../packages/local-host/src/start-host.ts';
import { writeTable } from '../../src/parquet/table.ts';
import type { ColumnType, Values } from '../../src/parquet/types.ts';
import { startAzurite } from '../support/azurite.ts';
import { stagedApp } from '../support/staged-app.ts';
import { mulberry32 } from './support/sim.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

function texts(values: readonly string[]): Values {
  const offsets = new Uint32Array(values.length + 1);
  values.forEach((text, i) => {
    offsets[i + 1] = offsets[i]! + text.length;
  });
  return { kind: 'bytes', length: values.length, data: new Uint8Array(Buffer.from(values.join(''))), offsets };
}

/** Flights between airports of which later files know more. */
function flights(random: () => number, rows: number, airports: number): Uint8Array {
  const string: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };
  const codes = () =>
    Array.from({ length: rows }, () => `A${String(Math.floor(random() * airports)).padStart(2, '0')}`);
  const ints = (max: number): Values => ({
    kind: 'int32',
    length: rows,
    data: Int32Array.from({ length: rows }, () => Math.floor(random() * max)),
  });
  const column = (name: string, type: ColumnType, values: Values) => ({ name, type, values, valid: undefined });
  return writeTable([
    column('date', { physical: 'INT32', annotation: { kind: 'date' } }, ints(20_000)),
    column('delay', { physical: 'INT32' }, ints(100)),
    column('distance', { physical: 'INT32' }, ints(3000)),
    column('origin', string, texts(codes())),
    column('destination', string, texts(codes())),
  ]);
}

async function json(url: string, init?: RequestInit): Promise<Record<string, unknown>> {
  return (await (await fetch(url, init)).json()) as Record<string, unknown>;
}

interface Verified {
  runId: string;
  /** Source rows that the values were compared with. */
  compared: number | null;
  findings: string[];
}

test('runs on the local host, some ended, the host killed: what is published is in order', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'ordinal-host-'));
  const azurite = await startAzurite();
  const env = { AzureWebJobsStorage: azurite.connectionString, ORDINAL_BATCH_ROWS: '50' };
  const start = () => startHost({ scriptRoot: stagedApp, state: path.join(folder, 'host.sqlite'), workers: 1, env });
  let host = await start();
  try {
    const random = mulberry32(11);
    const landing = BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient('landing');
    await landing.createIfNotExists();
    const runs = ['r0', 'r1', 'r2'];
    const begin = (runId: string) =>
      json(`${host.url}/api/pipelines/flights/runs`, {
        method: 'POST',
        body: JSON.stringify({ runId, prefix: `flights/${runId}/` }),
        headers: { 'content-type': 'application/json' },
      });
    const statusOf = async (runId: string) => (await json(`${host.url}/api/runs/${runId}`)).status as string;
    const settled = async (runId: string) => {
      for (let poll = 0; poll < 600; poll++) {
        const status = await statusOf(runId);
        if (['Completed', 'Failed', 'Terminated'].includes(status)) return status;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      throw new Error(`${runId} does not end`);
    };
    for (const [i, runId] of runs.entries()) {
      for (const file of [0, 1]) {
        const bytes = flights(random, 60, 10 + 8 * i);
        await landing.getBlockBlobClient(`flights/${runId}/${file}.parquet`).upload(bytes, bytes.length);
      }
      await begin(runId);
    }
    const durable = `${host.url}/runtime/webhooks/durabletask`;
    await fetch(`${durable}/instances/r1/terminate?reason=test`, { method: 'POST' });
    await host.kill();
    host = await start();
    const ends = Object.fromEntries(await Promise.all(runs.map(async (runId) => [runId, await settled(runId)])));
    for (const runId of ['r0', 'r2']) assert.equal(ends[runId], 'Completed', JSON.stringify(ends));
    // The ended run once more, under its ID.
    if (ends.r1 !== 'Completed') {
      await begin('r1');
      assert.equal(await settled('r1'), 'Completed');
    }

    const ordinal = (...args: string[]) =>
      new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
        const child = execFile(
          process.execPath,
          [path.join(root, 'cli/main.ts'), ...args, '--host', host.url],
          { cwd: root, env: { ...process.env, ...env } },
          (_, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
        );
      });
    const verified = await ordinal('verify', '--all', '--json');
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    const reports = JSON.parse(verified.stdout) as Verified[];
    assert.deepEqual(reports.map(({ runId }) => runId).sort(), runs);
    assert.deepEqual(
      reports.flatMap(({ findings }) => findings),
      [],
    );
    assert.deepEqual(
      reports.map(({ compared }) => compared),
      [120, 120, 120],
    );
    const shown = JSON.parse((await ordinal('sequences', 'show', 'flights.flights', '--json')).stdout);
    assert.deepEqual([shown.next, shown.free, shown.open], ['361', [], []], 'no ID is lost or held');
    // The state is what its rebuild gives, but for what no manifest knows; so the rebuild is refused, for it is in use.
    const rebuild = await ordinal('sequences', 'rebuild', 'flights.flights');
    assert.equal(rebuild.code, 1);
    assert.match(rebuild.stderr, /SequenceConflict/);
    const keys = await ordinal('keys', 'rebuild', 'flights.airports');
    assert.match(keys.stdout, /^flights\.airports: \d+ keys in one partition \(epoch 2\)/, keys.stderr);
    const cleaned = await ordinal('runs', 'clean', 'r0');
    assert.match(cleaned.stdout, /^r0: \d+ blobs removed/, cleaned.stderr);
    assert.equal((await ordinal('verify', 'r0')).code, 0);
  } finally {
    await host.kill();
    await azurite.stop();
    await rm(folder, { recursive: true, force: true });
  }
});
