/**
 * An app to look at: real runs of both pipelines in every state, and, as blobs that a run leaves, many more of them. The
 * page's tests and the tool that makes the screenshots use it. What is not from a run is written by the names and
 * schemas of the code itself.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BlobServiceClient, ContainerSASPermissions } from '@azure/storage-blob';
import { parquetWriteBuffer } from 'hyparquet-writer';
import type { Manifest } from '../../../src/documents/manifest.ts';
import type { Timeline } from '../../../src/documents/timeline.ts';
import { work } from '../../../src/storage/names.ts';
import { generateFlights, generateSales } from '../../../tools/generate.ts';
import { type App, startApp } from '../../http/support/app.ts';
import { holdIndex } from '../../http/support/held-index.ts';
import { startAzurite } from '../../support/azurite.ts';

/** A text that a page must show, and not do: markup, a change of direction, and a thousand characters. */
export const hostileName = `flights/<script>alert(1)</script><img src=x onerror=alert(2)>\u202egnirts\u202c/${'long-'.repeat(180)}.parquet`;

export interface World {
  app: App;
  service: BlobServiceClient;
  /** Opens the durable API, where the host wants keys. */
  masterKey?: string;
  stop(): Promise<void>;
}

export async function startWorld(env: Record<string, string> = {}, args: string[] = []): Promise<World> {
  const azurite = await startAzurite();
  const app = await startApp({ ORDINAL_BATCH_ROWS: '6000', ORDINAL_SHORT_BYTES: '0', ...env }, args, { azurite });
  return {
    app,
    service: BlobServiceClient.fromConnectionString(azurite.connectionString),
    async stop() {
      await app.stop();
      await azurite.stop();
    },
  };
}

async function start({ app }: World, pipeline: string, body: object, headers = {}): Promise<void> {
  const answer = await app.ask('POST', `pipelines/${pipeline}/runs`, body, headers);
  if (answer.status >= 300) throw new Error(JSON.stringify(answer.body));
}

async function ended({ app }: World, runId: string): Promise<void> {
  for (;;) {
    const { body } = await app.ask('GET', `runs/${runId}`);
    if (body.finishedAt !== undefined) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function upload({ app }: World, name: string, make: (out: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'ordinal-world-'));
  try {
    const out = path.join(folder, 'a.parquet');
    await make(out);
    await app.upload('landing', name, await readFile(out));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** One published run of flights, `january`, and one of sales, `orders-1`. */
export async function publishOne(world: World): Promise<void> {
  await upload(world, 'flights/2001/01.parquet', (out) => generateFlights({ rows: 60_000, out, rowGroupRows: 6_000 }));
  await start(world, 'flights', { runId: 'january', prefix: 'flights/2001/' });
  await ended(world, 'january');
}

export async function publishSales(world: World): Promise<void> {
  const shape = { rowGroupRows: 4_096, seed: 3 };
  await upload(world, 'sales/2026/w47.parquet', (out) => generateSales({ rows: 120_000, out, ...shape }));
  await world.app.upload('landing', 'sales/2026/w47.PARQUET', new Uint8Array(12));
  await world.app.upload('landing', 'sales/2026/_notes.txt', Buffer.from('notes'));
  await start(world, 'sales', { runId: 'orders-w47', prefix: 'sales/2026/' });
  await ended(world, 'orders-w47');
}

/** Runs that did not go well: one of a name that is hostile, one of a damaged file, one that was canceled. */
export async function failSome(world: World): Promise<void> {
  const person = { 'x-ms-client-principal-name': '<b>ann</b>@example.com' };
  await start(world, 'flights', { runId: 'hostile', blobs: [hostileName] }, person);
  await upload(world, 'flights/torn/a.parquet', (out) => generateFlights({ rows: 30_000, out, rowGroupRows: 6_000 }));
  const torn = await world.app.download('landing', 'flights/torn/a.parquet');
  torn.fill(0xff, Math.floor(torn.length / 2), Math.floor(torn.length / 2) + 400);
  await world.app.upload('landing', 'flights/torn/a.parquet', torn);
  await start(world, 'flights', { runId: 'torn', prefix: 'flights/torn/' });
  await ended(world, 'hostile');
  await ended(world, 'torn');
}

/** A run that waits for a key index which another holds, until `letGo` is called. */
export async function waitWithOne(world: World): Promise<{ letGo(): Promise<void> }> {
  const { url } = world.app;
  const letGo = await holdIndex({ url, key: world.masterKey }, 'flights.airports', 'nightly-export');
  await start(world, 'flights', { runId: 'waiting', prefix: 'flights/2001/', again: true });
  for (;;) {
    const { body } = await world.app.ask('GET', 'runs/waiting');
    if (body.waiting !== undefined) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    async letGo() {
      await letGo();
      await ended(world, 'waiting');
    },
  };
}

/** Gives a published run refused rows, as a contract with a quarantine leaves them. */
export async function refuseSome({ app }: World, runId: string): Promise<void> {
  const name = `flights/_manifests/${runId}.json`;
  const manifest = JSON.parse((await app.download('published', name)).toString()) as Manifest;
  const blob = `flights/_quarantine/${runId}-00000.parquet`;
  const reasons = ['must have 3 characters', '<script>alert(3)</script>', 'must be at least 0'];
  const column = (name: string, data: unknown[], type: 'STRING' | 'INT64') => ({ name, data, type });
  const file = parquetWriteBuffer({
    columnData: [
      column(
        'blob',
        reasons.map(() => 'flights/2001/01.parquet'),
        'STRING',
      ),
      column('row', [17n, 4_711n, 59_999n], 'INT64'),
      column('column', ['origin', 'origin', 'distance'], 'STRING'),
      column('value', ['LAXX', '<img src=x onerror=alert(4)>', '-3'], 'STRING'),
      column('reason', reasons, 'STRING'),
    ],
  });
  await app.upload('published', blob, new Uint8Array(file));
  manifest.rejected = { rows: 3, lines: 3, blob };
  if (manifest.routing) manifest.routing.routed -= 3;
  await app.upload('published', name, Buffer.from(JSON.stringify(manifest)));
}

/** A run that was published by mistake, and withdrawn by a person; it is the last that has published. */
export async function withdrawOne(world: World): Promise<void> {
  await upload(world, 'flights/mistake/a.parquet', (out) => generateFlights({ rows: 9_000, out, rowGroupRows: 3_000 }));
  await start(world, 'flights', { runId: 'mistaken', prefix: 'flights/mistake/' });
  await ended(world, 'mistaken');
  const person = { 'x-ms-client-principal-name': '<b>ann</b>@example.com' };
  await world.app.ask(
    'POST',
    'runs/mistaken/withdraw',
    { reason: 'the file of \u202eanother\u202c <i>day</i>' },
    person,
  );
  for (;;) {
    const { body } = await world.app.ask('GET', 'runs/mistaken/withdrawal');
    if (body.status === 'Withdrawn') return;
    if (body.status !== 'Running') throw new Error(JSON.stringify(body));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A backfill that is done, and one that a damaged file has stopped. */
export async function backfillSome(world: World): Promise<void> {
  const make = (out: string) => generateFlights({ rows: 3_000, out, rowGroupRows: 3_000 });
  for (const folder of ['good/1', 'good/2', 'good/3', 'bad/1', 'bad/2', 'bad/3'])
    await upload(world, `flights/${folder}/a.parquet`, make);
  const torn = await world.app.download('landing', 'flights/bad/2/a.parquet');
  torn.fill(0xff, Math.floor(torn.length / 2), Math.floor(torn.length / 2) + 400);
  await world.app.upload('landing', 'flights/bad/2/a.parquet', torn);
  for (const which of ['good', 'bad']) {
    const body = { backfillId: `history-${which}`, prefix: `flights/${which}/`, atOnce: 1 };
    await world.app.ask('POST', 'pipelines/flights/backfill', body);
    for (;;) {
      const { body: now } = await world.app.ask('GET', `backfills/history-${which}`);
      if (now.phase === 'done' || now.phase === 'failed') break;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

/** Puts the starts of `count` runs that have published, a minute apart, before all others unless `newest` says when. */
export async function manyRuns(
  { service }: World,
  count: number,
  { newest = Date.now() - 3_600_000, name: of = 'nightly' } = {},
): Promise<void> {
  const container = service.getContainerClient('ordinal');
  await container.createIfNotExists();
  // Without the SDK, which takes longer over so many requests than the service does.
  const { origin, pathname, search } = new URL(
    await container.generateSasUrl({
      permissions: ContainerSASPermissions.parse('w'),
      expiresOn: new Date(Date.now() + 3_600_000),
    }),
  );
  const put = async (i: number): Promise<void> => {
    const at = newest - i * 60_000;
    const seconds = 2 + ((i * 7919) % 97) / 7 + (i % 23 === 0 ? 21 : 0);
    const rows = 20_000 + ((i * 104_729) % 900_000);
    const iso = (ms: number) => new Date(ms).toISOString();
    const metadata = {
      pipeline: i % 3 === 0 ? 'sales' : 'flights',
      by: i % 2 === 0 ? 'arrival' : 'request',
      who: Buffer.from(i % 2 === 0 ? 'blob' : 'azure-data-factory').toString('base64url'),
      startedat: iso(at + 120),
      finishedat: iso(at + 120 + Math.round(seconds * 1000)),
      rows: String(rows),
      ids: String(rows + (i % 400)),
    };
    const name = work.start({ runId: `${of}-${String(count - i).padStart(6, '0')}`, life: 1 }, at);
    const headers = Object.fromEntries(Object.entries(metadata).map(([key, value]) => [`x-ms-meta-${key}`, value]));
    const answer = await fetch(`${origin}${pathname}/${name}${search}`, {
      method: 'PUT',
      headers: { 'x-ms-blob-type': 'BlockBlob', ...headers },
    });
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  };
  const width = 16;
  await Promise.all(
    Array.from({ length: width }, async (_, lane) => {
      for (let i = lane; i < count; i += width) await put(i);
    }),
  );
}

/** Replaces a run's timeline by one of very many batches. */
export async function manyBatches({ service }: World, runId: string, count: number): Promise<void> {
  const container = service.getContainerClient('ordinal');
  const name = work.timeline({ runId, life: 1 });
  const before = JSON.parse((await container.getBlobClient(name).downloadToBuffer()).toString()) as Timeline;
  const numbers = Array.from({ length: count }, (_, i) => i);
  const started = numbers.map((i) => Math.floor(i / 16) * 40 + ((i * 31) % 17));
  const group = {
    number: numbers,
    queued: numbers.map((i) => Math.floor(i / 200) * 2),
    started,
    ended: started.map((at, i) => at + 30 + ((i * 17) % 23)),
    worker: numbers.map((i) => i % 8),
    rows: numbers.map((i) => 500_000 + ((i * 37) % 90_000)),
  };
  const timeline: Timeline = {
    ...before,
    workers: Array.from({ length: 8 }, (_, w) => `ab12cd3${w}/41`),
    groups: [
      { phase: 'split', ...group },
      {
        phase: 'seal',
        ...group,
        queued: group.queued.map((at) => at + 200_000),
        started: started.map((at) => at + 200_000),
        ended: group.ended.map((at) => at + 200_000),
      },
    ],
  };
  const text = JSON.stringify(timeline);
  await container.getBlockBlobClient(name).upload(text, Buffer.byteLength(text));
}
