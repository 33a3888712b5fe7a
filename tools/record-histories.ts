/**
 * Records histories of today's orchestrators: runs the built app on the local host through what its runs can meet, and writes
 * each instance's history to `test/run/histories/VERSION/`, VERSION being `defaultVersion` of host.json. What is recorded is
 * replayed by `test/run/histories.test.ts` for ever, so a version that was recorded is not recorded again, but with `--again`
 * as long as it has been deployed nowhere.
 *
 *   npm run histories [-- --again]
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startAzurite } from '../packages/local-host/src/azurite.ts';
import { type HistoryEvent, isTerminal } from '../packages/local-host/src/engine/model.ts';
import { SqliteStore } from '../packages/local-host/src/store/sqlite.ts';
import { type App, startApp } from '../test/http/support/app.ts';
import { flightsFile } from '../test/http/support/flights.ts';
import { historyText, keptHistory } from '../test/run/support/histories.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const instancesMax = 10_000;
/** Histories of one orchestrator that are kept: more than the runs below, and few of many shards. */
const alikeMax = 20;
/** More batches than one orchestration fans out by itself: there are shards. */
const manyFiles = 230;

/** Starts runs of every kind and waits for their ends; all of them are short. */
async function live(app: App, callBackUri: string): Promise<void> {
  const upload = (name: string, rows: number, seed = 0) =>
    app.upload('landing', `flights/${name}.parquet`, flightsFile(rows, seed));
  const start = async (runId: string, more: object = {}) => {
    const run = { runId, prefix: `flights/${runId.split('-')[0]}/`, ...more };
    const { status, body } = await app.ask('POST', 'pipelines/flights/runs', run);
    if (status !== 202) throw new Error(`the start of ${runId} was answered with ${status}: ${JSON.stringify(body)}`);
  };
  // A blob that arrives starts a run of its pipeline once things are quiet. It fails: these are no sales.
  await app.upload('landing', 'sales/arrived.parquet', flightsFile(3));
  for (const file of [0, 1, 2]) await upload(`whole/${file}`, 40, file);
  await upload('tiny/0', 5);
  await app.upload('landing', 'flights/broken/0.parquet', new TextEncoder().encode('no Parquet'));
  for (let file = 0; file < manyFiles; file++) await upload(`many/${String(file).padStart(3, '0')}`, 1, file);

  // Two at once, which share key indexes: one waits for the other. A second caller is called as well.
  await Promise.all([start('whole', { callBackUri }), start('tiny')]);
  await start('whole', { callBackUri: `${callBackUri}second` });
  await Promise.all([app.ended('whole'), app.ended('tiny')]);
  await start('tiny-dry', { dryRun: true });
  await start('broken');
  await Promise.all([app.ended('tiny-dry'), app.ended('broken')]);
  await start('many');
  await app.ended('many');
  await start('many-cancelled', { callBackUri });
  await app.ask('POST', 'runs/many-cancelled/cancel');
  await app.ended('many-cancelled');
  await start('many-late', { deadline: 'PT1S' });
  await app.ended('many-late');

  const durable = `${app.url}/runtime/webhooks/durabletask/orchestrators`;
  const show = { sequence: 'flights.flights', operation: 'show', input: {} };
  for (const [name, input] of [
    ['operateSequence', show],
    ['rebuildKeys', { index: 'flights.airports' }],
  ] as const) {
    await app.ask('POST', `${durable}/${name}?timeout=60&pollingInterval=1`, input);
  }
}

/** What only long runs meet, then a backfill, and a run that is taken back. */
async function liveLong(app: App, callBackUri: string): Promise<void> {
  const upload = (name: string) => app.upload('landing', `flights/${name}.parquet`, flightsFile(3));
  const ask = async (path: string, body: object, wanted = 202) => {
    const answer = await app.ask('POST', path, body);
    if (answer.status !== wanted) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  };
  const start = (runId: string, more: object = {}) => {
    const run = { runId, prefix: `flights/${runId.split('-')[1]}/`, versions: 'all', again: true, ...more };
    return ask('pipelines/flights/runs', run);
  };
  await start('long-whole');
  await start('long-broken');
  await start('long-many');
  await Promise.all([app.ended('long-whole'), app.ended('long-broken'), app.ended('long-many')]);
  await start('long-many-cancelled', { callBackUri });
  await app.ask('POST', 'runs/long-many-cancelled/cancel');
  await app.ended('long-many-cancelled');
  await start('long-many-late', { deadline: 'PT1S' });
  await app.ended('long-many-late');

  for (const month of [1, 2, 3]) await upload(`past/0${month}/0`);
  await ask('pipelines/flights/backfill', { backfillId: 'past', prefix: 'flights/past/', by: 'folder' });
  await settled(app);
  await ask('runs/past-00003/withdraw', {});
  // The key indexes of the first run are those of the others.
  await ask('runs/past-00001/withdraw', {});
}

/** Waits until every instance in the state has ended: callers are told after the runs. */
async function settled(app: App): Promise<void> {
  for (;;) {
    const answer = await fetch(
      `${app.url}/runtime/webhooks/durabletask/instances?runtimeStatus=Running,Pending&top=${instancesMax}`,
    );
    if (((await answer.json()) as unknown[]).length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** @returns how many files were written. */
function write(state: string, version: string, folder: string): number {
  const store = new SqliteStore(state, 5_000);
  const written = new Map<string, number>();
  const found = store.instances({ limit: instancesMax }).toSorted((a, b) => a.createdAt - b.createdAt);
  for (const record of found) {
    if (record.version !== version || !isTerminal(record.status)) continue;
    const number = (written.get(record.name) ?? 0) + 1;
    if (number > alikeMax) continue;
    written.set(record.name, number);
    const events = store.history(record.instanceId).map((text) => JSON.parse(text) as HistoryEvent);
    const text = historyText(keptHistory(record, events)).replaceAll(root.replace(/\/$/, ''), '/app');
    writeFileSync(path.join(folder, `${record.name}-${number}.jsonl`), text);
  }
  store.close();
  return [...written.values()].reduce((sum, count) => sum + count, 0);
}

const hostJson = JSON.parse(readFileSync(path.join(root, 'host.json'), 'utf8')) as {
  extensions: { durableTask: { defaultVersion: string } };
};
const version = hostJson.extensions.durableTask.defaultVersion;
const folder = path.join(root, 'test/run/histories', version);
if (existsSync(folder) && !process.argv.includes('--again')) {
  console.error(
    `Histories of version ${version} are kept already. Where yields have changed, raise defaultVersion first.`,
  );
  process.exit(1);
}
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const scratch = mkdtempSync(path.join(tmpdir(), 'histories-'));
const state = path.join(scratch, 'host.sqlite');
const caller = createServer((_, response) => response.end()).listen(0, '127.0.0.1');
const callBackUri = `http://127.0.0.1:${(caller.address() as AddressInfo | null)?.port ?? 0}/`;
const env = {
  ORDINAL_BATCH_ROWS: '1',
  ORDINAL_PART_ROWS: '60',
  ORDINAL_CALLBACK_LOOPBACK: 'true',
  ORDINAL_ARRIVAL: 'sales=quiet:1',
  ORDINAL_ARRIVAL_SOURCE: 'LogsAndContainerScan',
};
const azurite = await startAzurite();
try {
  for (const [lives, more] of [
    [live, {}],
    [liveLong, { ORDINAL_SHORT_BYTES: '0' }],
  ] as const) {
    const app = await startApp({ ...env, ...more }, ['--blob-poll', '200'], { state, azurite });
    try {
      await lives(app, callBackUri);
      await settled(app);
    } finally {
      await app.stop();
    }
  }
} finally {
  await azurite.stop();
  caller.close();
}
console.log(`${write(state, version, folder)} histories of version ${version} in ${path.relative(root, folder)}`);
rmSync(scratch, { recursive: true });
