/**
 * The real app, built, on a host that is killed at seeded moments: what it publishes is byte for byte what an
 * undisturbed host publishes, and its IDs have no gap and no duplicate. KILLS and SEED as in kill.test.ts.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BlobServiceClient } from '@azure/storage-blob';
import { DuckDBInstance } from '@duckdb/node-api';
import { type RunningAzurite, startAzurite } from '../../local/azurite.ts';
import { seededRandom } from '../../local/chaos.ts';
import { type StartedHost, startHost } from '../../local/start-host.ts';

const scriptRoot = fileURLToPath(new URL('../..', import.meta.url));
const kills = Number(process.env.KILLS ?? 2);
const seed = Number(process.env.SEED ?? 1);
const folder = mkdtempSync(join(tmpdir(), 'app-kill-'));
const runs = ['first', 'second'];
const [filesPerRun, rowsPerFile] = [3, 20_000];
const azurites: RunningAzurite[] = [];

before(async () => {
  assert.ok(existsSync(join(scriptRoot, 'dist', 'functions')), 'the app must be built first: npm run build');
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
after(async () => {
  for (const azurite of azurites) await azurite.stop();
  rmSync(folder, { recursive: true });
});

interface World {
  service: BlobServiceClient;
  start: () => Promise<StartedHost>;
}

/** An Azurite with the source blobs, and how to start a host on it. */
async function worldOf(name: string): Promise<World> {
  const azurite = await startAzurite();
  azurites.push(azurite);
  const service = BlobServiceClient.fromConnectionString(azurite.connectionString);
  const landing = service.getContainerClient('landing');
  await landing.create();
  for (const run of runs) {
    for (let file = 0; file < filesPerRun; file++) {
      const data = readFileSync(join(folder, run, `${file}.parquet`));
      await landing.getBlockBlobClient(`flights/${run}/${file}.parquet`).uploadData(data);
    }
  }
  const env = { AzureWebJobsStorage: azurite.connectionString };
  return { service, start: () => startHost({ scriptRoot, state: join(folder, `${name}.sqlite`), env }) };
}

async function begin(host: StartedHost, run: string): Promise<void> {
  const response = await fetch(`${host.url}/api/pipelines/flights/runs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ runId: run, prefix: `flights/${run}/` }),
  });
  assert.equal(response.status, 202, await response.text());
}

async function finish(host: StartedHost, run: string): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end; ) {
    const { status, error } = (await (await fetch(`${host.url}/api/runs/${run}`)).json()) as {
      status: string;
      error?: unknown;
    };
    if (status === 'Completed') return;
    assert.ok(status === 'Running' || status === 'Pending', `${run}: ${status} ${JSON.stringify(error)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${run} did not end`);
}

/** Name, digest and contents' place of every published Parquet blob. */
async function published(name: string, service: BlobServiceClient): Promise<Map<string, string>> {
  const container = service.getContainerClient('published');
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

async function killAtRandom(host: StartedHost, world: World, random: () => number): Promise<StartedHost> {
  await new Promise((resolve) => setTimeout(resolve, random() * 700));
  const status = await fetch(`${host.url}/admin/host/status`);
  const { workers } = (await status.json()) as { workers: number[] };
  const victim = workers[Math.floor(random() * workers.length)];
  const what = random();
  if ((what < 0.3 || what > 0.7) && victim !== undefined) process.kill(victim, 'SIGKILL');
  if (what < 0.3) return host;
  await host.kill();
  return await world.start();
}

test(`${kills} kills in a run of the app: published bytes and IDs are those of a quiet run`, {
  timeout: 600_000,
}, async () => {
  const quiet = await worldOf('quiet');
  let host = await quiet.start();
  for (const run of runs) {
    await begin(host, run);
    await finish(host, run);
  }
  await host.stop();
  const expected = await published('quiet', quiet.service);
  assert.ok(expected.size >= 4, [...expected.keys()].join());

  const world = await worldOf('killed');
  const random = seededRandom(seed);
  host = await world.start();
  try {
    await begin(host, 'first');
    for (let kill = 0; kill < kills; kill++) host = await killAtRandom(host, world, random);
    await finish(host, 'first');
    await begin(host, 'second');
    host = await killAtRandom(host, world, random);
    await finish(host, 'second');
  } finally {
    await host.stop();
  }
  assert.deepEqual(await published('killed', world.service), expected);
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
