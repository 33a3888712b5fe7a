/**
 * Runs whose outputs are Delta tables: killed between manifest and commit, or at any request near it; side by side; taken
 * back; with tables that were begun late, damaged, or rewritten by others; and with bugs put in. After that the tables hold
 * each published row once, as an engine finds that we did not write. `ORDINAL_ENGINE_RUNS` tries more ways and seeds.
 */
import assert from 'node:assert/strict';
import { publishedManifests } from '../../src/documents/manifests.ts';
import { askSql } from '../../src/tables/ask-sql.ts';
import { repairTables } from '../../src/tables/repair-tables.ts';
import { REBUILD_ORCHESTRATION, rebuildOrchestrator } from '../../src/upkeep/orchestrations.ts';
import { readKeyBook, verifyRun } from '../../src/verify/verify.ts';
import { DuckReader } from '../engine/support/reader.ts';
import { peerTest as test } from '../parquet/support/peers.ts';
import { checkWorld } from '../run/support/check.ts';
import { importWithBug, type PlantedBug } from '../run/support/planted.ts';
import { shopPipelines, someRows, tablePipelines, upload } from '../run/support/shop.ts';
import { mulberry32, Sim } from '../run/support/sim.ts';
import { underLimits } from '../support/limits.ts';
import { checkTables, commitsOf } from './support/check-tables.ts';
import { readTables } from './support/delta-reader.ts';
import * as sound from './support/scenarios.ts';

type Scenarios = typeof sound;
type Bug = PlantedBug & { caughtBy: (scenarios: Scenarios) => Promise<void> };

const deep = process.env.ORDINAL_ENGINE_RUNS !== undefined;
const ways = Object.values(sound.verdicts);

const points = [
  ['manifest:write:after', 1],
  ['view:write:before', 1],
  ['view:write:after', 2],
  ['tableLog:list:before', 4],
  ['tableLog:write:before', 1],
  ['tableLog:write:after', 1],
  ['tableLog:write:before', 3],
  ['tableLog:write:after', 3],
] as const;

test('a run that dies, fails or is ended between its manifest and its commits, or near: the next makes up for it', async () => {
  await sound.leftUndone();
  // Every second place in one way; or all places in all ways.
  await sound.struckAnywhere(points, (p) => (deep ? ways : p % 2 === 0 ? [ways[p % ways.length]!] : []));
});

test('runs side by side commit in turn, each once', async () => {
  for (let seed = 1; seed <= (deep ? 6 : 1); seed++) await sound.sideBySide(seed);
});

const bugs: Bug[] = [
  {
    name: 'a run commits its own files only',
    file: 'src/tables/commit-tables.ts',
    find: '  let commits = 0;\n  let open',
    replace: '  missing.splice(0, missing.length - 1);\n  let commits = 0;\n  let open',
    caughtBy: ({ leftUndone }) => leftUndone(),
  },
  {
    name: 'files of known keys are in the table',
    file: 'src/tables/commit-tables.ts',
    find: 'published ? rowFilesOf(published) : []',
    replace: 'published ? [...rowFilesOf(published), ...(published.known?.files ?? [])] : []',
    caughtBy: ({ struck, verdicts }) => struck('tableLog:write:before', 3, verdicts.dies!),
  },
];

for (const bug of bugs) {
  test(`caught: ${bug.name}`, async () => {
    const scenarios = await importWithBug<Scenarios>('test/tables/support/scenarios.ts', bug);
    await assert.rejects(bug.caughtBy(scenarios), { name: 'AssertionError' }, `"${bug.name}" goes unnoticed`);
  });
}

test('engines leave files out by statistics, and lose no row', async () => {
  await sound.prunes();
});

const orchestrators = { [REBUILD_ORCHESTRATION]: rebuildOrchestrator };

async function run(sim: Sim, runId: string, seed = runId.charCodeAt(1)): Promise<string | undefined> {
  await upload(sim, `club/${runId}/`, [someRows(mulberry32(seed), 8, 9)]);
  const instance = await sim.run(runId, 'club', `club/${runId}/`);
  await sim.settle();
  return instance.status === 'Completed' ? undefined : instance.error;
}

test('a pipeline that has published before it had tables is refused, until they are made', async () => {
  const before = new Sim(shopPipelines, { seed: 2 });
  assert.equal(await run(before, 'r1'), undefined);
  const sim = new Sim(tablePipelines, { seed: 3, store: before.store });
  assert.match((await run(sim, 'r2'))!, /PipelineChanged.*tables are not there/);
  const [environment] = sim.environments;
  const repaired = await repairTables(environment!, tablePipelines.get('club')!, { anew: false });
  assert.deepEqual([...new Set(repaired.map(({ was }) => was))], ['missing']);
  await checkTables(sim.store, ['club']);
});

test('a damaged log is made anew, and runs go on', async () => {
  const sim = new Sim(tablePipelines, { seed: 3 });
  for (const id of ['r1', 'r2', 'r3']) assert.equal(await run(sim, id), undefined);
  const [environment] = sim.environments;
  const pipeline = tablePipelines.get('club')!;
  await sim.store.remove('published', 'club/goods/_delta_log/00000000000000000001.json');
  assert.match((await run(sim, 'r4'))!, /CorruptFile.*version 1 is missing/);
  const repaired = await repairTables(environment!, pipeline, { anew: false });
  assert.deepEqual(
    repaired.filter(({ was }) => was === 'damaged').map(({ folder, anew }) => [folder, anew]),
    [['club/goods', true]],
  );
  await checkTables(sim.store, ['club']);
  assert.equal(await run(sim, 'r5'), undefined);
  await checkTables(sim.store, ['club']);
  // Without need nothing is written.
  const commits = commitsOf(sim.store, 'club/few').length;
  await repairTables(environment!, pipeline, { anew: false });
  assert.equal(commitsOf(sim.store, 'club/few').length, commits);
  await repairTables(environment!, pipeline, { anew: true });
  await checkTables(sim.store, ['club']);
});

/** As OPTIMIZE and then VACUUM do: all files of a table become one, and the old ones are removed. */
async function optimise(sim: Sim, duck: DuckReader, folder: string): Promise<void> {
  const commits = commitsOf(sim.store, folder);
  const paths = commits.flat().flatMap(({ add }) => (add ? [String(add.path)] : []));
  const files = paths.map((path) => duck.put(sim.store.bytes('published', `${folder}/${path}`)));
  const list = files.map((file) => `'${file}'`).join(', ');
  const bytes = await duck.write(`FROM read_parquet([${list}], union_by_name = true)`);
  const name = 'part-00000-0d0d.c000.snappy.parquet';
  await sim.store.write('published', `${folder}/${name}`, bytes);
  const lines = [
    { commitInfo: { operation: 'OPTIMIZE', engineInfo: 'Another' } },
    ...paths.map((path) => ({ remove: { path, deletionTimestamp: 1, dataChange: false } })),
    { add: { path: name, partitionValues: {}, size: bytes.length, modificationTime: 1, dataChange: false } },
  ];
  const commit = `${folder}/_delta_log/${String(commits.length).padStart(20, '0')}.json`;
  await sim.store.write('published', commit, Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join('')));
  for (const path of paths) await sim.store.remove('published', `${folder}/${path}`);
}

test('OPTIMIZE and VACUUM by others: runs go on, keys are rebuilt from the table, verify tells', async () => {
  const duck = await DuckReader.open();
  const sim = new Sim(tablePipelines, { seed: 5, orchestrators });
  for (const id of ['r1', 'r2']) assert.equal(await run(sim, id), undefined);
  await checkWorld(sim);
  const [environment] = sim.environments;
  const keysBefore = sim.store.names('ordinal', 'keys/club.goods/');
  assert.ok(keysBefore.length > 0);
  const goods = [
    { name: 'good_id', type: { physical: 'INT64' } } as const,
    { name: 'name', type: { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } } } as const,
  ];
  const [before] = await readTables(sim.store, [{ folder: 'club/goods', columns: goods }]);
  await optimise(sim, duck, 'club/goods');
  await optimise(sim, duck, 'club/_changes/goods');
  duck.close();
  for (const name of keysBefore) await sim.store.remove('ordinal', name);
  const rebuilt = sim.start('rebuild', REBUILD_ORCHESTRATION, { index: 'club.goods' });
  await sim.settle();
  assert.equal((rebuilt.output as { ok: boolean }).ok, true, JSON.stringify(rebuilt.output));
  // The same goods again: no key is new, and nothing has changed since.
  assert.equal(await run(sim, 'r3', 'r2'.charCodeAt(1)), undefined);
  const [after] = await readTables(sim.store, [{ folder: 'club/goods', columns: goods }]);
  assert.deepEqual(after, before);
  const all = await publishedManifests(environment!);
  const report = await verifyRun(
    environment!,
    all.find(({ runId }) => runId === 'r1')!,
    all,
    await readKeyBook(environment!, all),
  );
  assert.deepEqual(report.findings, []);
  assert.ok(report.unread > 0);
  assert.match(
    report.notes.join('\n'),
    /club\/goods\/r1-00000\.parquet: was rewritten by OPTIMIZE, in version \d of the table, and is gone/,
  );
  await assert.rejects(repairTables(environment!, tablePipelines.get('club')!, { anew: true }), {
    code: 'StorageFailed',
    message: /is gone/,
  });
});

test('the sweep makes up views and tables that a dead run left', async () => {
  const sim = new Sim(tablePipelines, { seed: 6 });
  sim.onPoint = ({ point }) => {
    if (point !== 'view:write:before') return 'pass';
    sim.terminate('r1');
    return 'hold';
  };
  await run(sim, 'r1');
  sim.onPoint = () => 'pass';
  assert.deepEqual(sim.store.names('published', 'club/_current/'), []);
  void sim.clients.sweep();
  await sim.settle();
  await checkTables(sim.store, ['club']);
  assert.match(await askSql(sim.environments[0]!, { entity: 'goods', engine: 'duckdb' }), /r1-00000\.parquet/);
  assert.ok(sim.store.names('published', 'club/_current/').includes('club/_current/goods.sql'));
});

/** Counts requests by fault point while runs go on. */
function counting(sim: Sim): Map<string, number> {
  const counts = new Map<string, number>();
  sim.onPoint = ({ point }) => {
    counts.set(point, (counts.get(point) ?? 0) + 1);
    return 'pass';
  };
  return counts;
}

test('a run reads what was committed since, and writes the views that changed', async () => {
  const sim = new Sim(tablePipelines, { seed: 8 });
  const counts = counting(sim);
  const logReads: number[] = [];
  for (const id of ['r1', 'r2', 'r3', 'r4', 'r5']) {
    counts.clear();
    // The same rows: of the goods and members there is nothing new after the first run.
    assert.equal(await run(sim, id, 7), undefined);
    logReads.push(counts.get('tableLog:read:before') ?? 0);
    // Two entities of rows, for three engines, the pointer and the summary.
    if (id !== 'r1') assert.equal(counts.get('view:write:before'), 8, id);
  }
  assert.deepEqual(logReads.slice(2), [logReads[1], logReads[1], logReads[1]]);
  await checkTables(sim.store, ['club']);
});

test('beyond the files that a view names, its blob says so, and the tables go on', async () => {
  await underLimits({ currentFilesMax: 1 }, async () => {
    const sim = new Sim(tablePipelines, { seed: 8 });
    for (const id of ['r1', 'r2']) assert.equal(await run(sim, id), undefined);
    const view = Buffer.from(sim.store.bytes('published', 'club/_current/few.sql')).toString();
    assert.match(
      view,
      /^-- "few" has \d+ published files\. Read it as a Delta table: a view names 1 files at most\.\n$/,
    );
    await assert.rejects(askSql(sim.environments[0]!, { entity: 'few', engine: 'duckdb' }), { code: 'LimitExceeded' });
    await checkTables(sim.store, ['club']);
  });
});

/** Takes a run back. */
async function withdraw(sim: Sim, runId: string): Promise<string> {
  void sim.clients.ask('POST', `runs/${runId}/withdraw`, { reason: 'the wrong file' });
  await sim.settle();
  let status = '';
  void sim.clients.ask('GET', `runs/${runId}/withdrawal`).then((answer) => {
    ({ status } = answer!.body as { status: string });
  });
  await sim.settle();
  return status;
}

test('what a withdrawn run brought goes from views and tables; a commit of it that was held up comes too late', async () => {
  const sim = new Sim(tablePipelines, { seed: 9 });
  assert.equal(await run(sim, 'r1'), undefined);
  // The last run's update of the tables is held up before its third commit, and goes on when the run is withdrawn.
  let held = 0;
  sim.onPoint = ({ point }, { instance }) =>
    instance === 'r2' && point === 'tableLog:write:before' && ++held >= 3 ? 'hold' : 'pass';
  await run(sim, 'r2');
  assert.ok(held > 0);
  sim.terminate('r2');
  await sim.settle();
  sim.onPoint = () => 'pass';
  assert.equal(await withdraw(sim, 'r2'), 'Withdrawn');
  await checkTables(sim.store, ['club']);
  sim.resume();
  await sim.settle();
  await checkTables(sim.store, ['club']);
  for (const name of sim.store.names('published', 'club/_current/'))
    if (name.endsWith('.sql')) assert.doesNotMatch(Buffer.from(sim.store.bytes('published', name)).toString(), /r2-/);
  assert.match(Buffer.from(sim.store.bytes('published', 'club/_latest.json')).toString(), /"r1"/);
  // What it read is new again.
  const again = await sim.run('r3', 'club', 'club/r2/');
  await sim.settle();
  assert.equal(again.status, 'Completed', again.error);
  await checkTables(sim.store, ['club']);
  await checkWorld(sim, { swept: false });
});
