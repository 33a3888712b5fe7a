/**
 * The real app, as it is deployed, under `npm start`, which is killed at seeded moments: a worker, the host, the host with its
 * workers, or the process group of `npm start` with all that it started. What is published is byte for byte what an
 * undisturbed run publishes, and IDs have no gap and no duplicate. KILLS and SEED as in kill.test.ts.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, test } from 'vitest';
import { seededRandom } from '../../packages/local-host/src/chaos.ts';
import { gone, type Started, startAll, workersOf } from '../../packages/local-host/test/processes.ts';
import { stagedApp } from '../support/staged-app.ts';

const kills = Number(process.env.KILLS ?? 2);
const seed = Number(process.env.SEED ?? 1);
const folder = mkdtempSync(join(tmpdir(), 'app-kill-'));
const runs = ['first', 'second'];
const before = process.cwd();
const [filesPerRun, rowsPerFile] = [3, 20_000];

beforeAll(async () => {
  // `npm start` runs the app of the folder that it is in.
  process.chdir(stagedApp);
  const db = await (await DuckDBInstance.create()).connect();
  for (const [r, run] of runs.entries()) {
    mkdirSync(join(folder, run));
    for (let file = 0; file < filesPerRun; file++) {
      const first = (r * filesPerRun + file) * rowsPerFile;
      await db.run(`COPY (
        SELECT TIMESTAMP '2001-01-01' + INTERVAL (i) MINUTE AS date, (hash(i) % 60)::INT AS delay,
          (hash(i, 1) % 2000)::INT AS distance, chr(65 + (hash(i, 2) % 9)::INT) || 'AA' AS origin,
          chr(65 + (hash(i, 3) % 9)::INT) || 'BB' AS destination
        FROM range(${first}, ${first + rowsPerFile}) t(i)
      ) TO '${join(folder, run, `${file}.parquet`)}' (FORMAT parquet, ROW_GROUP_SIZE 4096)`);
    }
  }
});
afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
});

/** The blob service of Azurite, whose account and key every emulator has. */
function serviceOf({ blobUrl }: Started): BlobServiceClient {
  const key = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';
  return new BlobServiceClient(blobUrl, new StorageSharedKeyCredential('devstoreaccount1', key));
}

/** Starts everything on a folder of its own, with the source blobs in place. */
async function worldOf(name: string): Promise<Started> {
  const world = await startAll(join(folder, `${name}-state`));
  const landing = serviceOf(world).getContainerClient('landing');
  await landing.create();
  for (const run of runs) {
    for (let file = 0; file < filesPerRun; file++) {
      const data = readFileSync(join(folder, run, `${file}.parquet`));
      await landing.getBlockBlobClient(`flights/${run}/${file}.parquet`).uploadData(data);
    }
  }
  return world;
}

async function begin(host: Started, run: string): Promise<void> {
  const response = await fetch(`${host.url}/api/pipelines/flights/runs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ runId: run, prefix: `flights/${run}/` }),
  });
  assert.equal(response.status, 202, await response.text());
}

async function finish(host: Started, run: string): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end; ) {
    const response = await fetch(`${host.url}/api/runs/${run}`);
    const text = await response.text();
    // A worker that dies takes the request with it that it was answering.
    if (response.status === 502) continue;
    const { status, error } = JSON.parse(text) as { status: string; error?: unknown };
    if (status === 'Completed') return;
    assert.ok(status === 'Running' || status === 'Pending', `${run}: ${status} ${JSON.stringify(error)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${run} did not end`);
}

/** Name, digest and contents' place of every published Parquet blob. */
async function published(name: string, host: Started): Promise<Map<string, string>> {
  const container = serviceOf(host).getContainerClient('published');
  const digests = new Map<string, string>();
  for await (const blob of container.listBlobsFlat()) {
    if (!blob.name.endsWith('.parquet')) continue;
    const path = join(folder, name, blob.name);
    mkdirSync(join(path, '..'), { recursive: true });
    await container.getBlobClient(blob.name).downloadToFile(path);
    digests.set(blob.name, createHash('sha256').update(readFileSync(path)).digest('hex'));
  }
  return digests;
}

const victims = ['group', 'worker', 'host', 'host and workers'] as const;

/** Kills -9 at a random moment and starts again what is gone then. */
async function killAtRandom(
  host: Started,
  name: string,
  victim: (typeof victims)[number],
  random: () => number,
): Promise<Started> {
  await new Promise((resolve) => setTimeout(resolve, random() * 700));
  const workers = await workersOf(host.url);
  const kill = (pids: readonly number[]) => {
    for (const pid of pids) process.kill(pid, 'SIGKILL');
  };
  if (victim === 'worker') {
    kill(workers.slice(Math.floor(random() * workers.length)).slice(0, 1));
    return host;
  }
  if (victim === 'group') kill([-host.pid]);
  else kill(victim === 'host' ? [host.hostPid] : [host.hostPid, ...workers]);
  await host.ended;
  const again = await startAll(join(folder, `${name}-state`));
  await gone([host.hostPid, ...workers]);
  return again;
}

test(`npm start, killed ${kills + 1} times in two runs of the app: published bytes and IDs are those of quiet runs`, {
  timeout: 600_000,
}, async () => {
  const quiet = await worldOf('quiet');
  for (const run of runs) {
    await begin(quiet, run);
    await finish(quiet, run);
  }
  const expected = await published('quiet', quiet);
  await quiet.stop();
  assert.ok(expected.size >= 4, [...expected.keys()].join());

  const random = seededRandom(seed);
  let host = await worldOf('killed');
  try {
    await begin(host, 'first');
    for (let kill = 0; kill < kills; kill++) {
      host = await killAtRandom(host, 'killed', victims[(kill + seed - 1) % victims.length]!, random);
    }
    await finish(host, 'first');
    await begin(host, 'second');
    host = await killAtRandom(host, 'killed', victims[(kills + seed - 1) % victims.length]!, random);
    await finish(host, 'second');
    assert.deepEqual(await published('killed', host), expected);
  } finally {
    await host.stop();
  }
  await checkIds(join(folder, 'killed'));
});

async function checkIds(root: string): Promise<void> {
  const db = await (await DuckDBInstance.create()).connect();
  const rows = runs.length * filesPerRun * rowsPerFile;
  for (const [entity, column, count] of [
    ['flights', 'flight_id', rows],
    ['airports', 'airport_id', 18],
    ['routes', 'route_id', 81],
  ] as const) {
    const found = await db.runAndReadAll(`
      SELECT count(*)::INT, count(DISTINCT ${column})::INT, min(${column})::INT, max(${column})::INT
      FROM read_parquet('${root}/**/*.parquet', filename = true, union_by_name = true)
      WHERE contains(filename, '/${entity}/') AND ${column} IS NOT NULL`);
    assert.deepEqual(found.getRows()[0], [count, count, 1, count], entity);
  }
}
