/**
 * A pipeline's ledger at size: how long it takes to write it from the manifests of 10,000 runs that have read a million
 * blobs, and what further runs cost it then, from the claim to the merges that they owe. The ledger's own functions run,
 * over a store in a folder that counts requests.
 *
 *   node bench/ledger.ts [--runs 10000] [--blobs 100]
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import type { Manifest } from '../src/documents/manifest.ts';
import { parseConfig } from '../src/environment/config.ts';
import { compactLedger, readLedger, settleClaims } from '../src/ledger/ledger.ts';
import { takeVersions } from '../src/ledger/take-versions.ts';
import type { Version } from '../src/ledger/versions.ts';
import { identityOf } from '../src/pipeline/identity.ts';
import { pipeline, registerPipelines } from '../src/pipeline/index.ts';
import { fateOf, ledgerOf, rebuildLedger } from '../src/plan/run-ledger.ts';
import { writeJson } from '../src/storage/json.ts';
import { output } from '../src/storage/names.ts';
import { FileStore } from './file-store.ts';

const feed = pipeline({
  name: 'feed',
  source: { container: 'landing', prefix: 'feed/' },
  row: z.object({ n: z.int() }),
  entities: ({ id }) => ({ lines: { kind: 'rows', id: id('line_id'), columns: { n: 'n' } } }),
});

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '10000' }, blobs: { type: 'string', default: '100' } },
});
const [runs, perRun] = [Number(values.runs), Number(values.blobs)];
/** Runs that are measured. */
const MEASURED = 64;

const folder = await mkdtemp(path.join(tmpdir(), 'ordinal-ledger-'));
try {
  await measure(new FileStore(folder));
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function measure(store: FileStore): Promise<void> {
  const config = parseConfig({ AzureWebJobsStorage: 'none' });
  const environment = { store, config, pipelines: registerPipelines([feed]) };
  const compiled = environment.pipelines.get('feed')!;
  for (const name of [config.workContainer, 'published']) await store.ensureContainer(name);
  const at = ledgerOf(environment, compiled);
  // As Spark names its files, and the service its versions: little of it repeats.
  const hex = (run: number, i: number) => createHash('md5').update(`${run}/${i}`).digest('hex');
  const versionsOf = (run: number): Version[] =>
    Array.from({ length: perRun }, (_, i) => ({
      blob: `feed/day=${String(run).padStart(5, '0')}/part-${String(i).padStart(5, '0')}-${hex(run, i)}.c000.snappy.parquet`,
      etag: `"0x8D${hex(i, run).slice(0, 13).toUpperCase()}"`,
    }));
  const wishOf = (run: number, dryRun = false) => ({
    of: { runId: `run-${run}`, life: 1 },
    manifest: { container: 'published', name: output.manifest(compiled, `run-${run}`) },
    versions: 'new' as const,
    dryRun,
    asked: true,
    fateOf: fateOf(environment),
    makeFirst: async () => {},
  });
  /** What something costs: requests, bytes, CPU of this process in milliseconds. */
  const costOf = async (does: () => Promise<unknown>): Promise<Cost> => {
    const [before, cpu] = [{ ...store.counters }, process.cpuUsage()];
    await does();
    const { user, system } = process.cpuUsage(cpu);
    return {
      requests: store.counters.requests - before.requests,
      read: store.counters.bytesRead - before.bytesRead,
      written: store.counters.bytesWritten - before.bytesWritten,
      cpu: (user + system) / 1000,
    };
  };
  const publish = async (number: number, claim: string): Promise<void> => {
    const name = output.manifest(compiled, `run-${number}`);
    await writeJson(store, 'published', name, manifestOf(number, claim), { ifAbsent: true, compact: true });
  };
  /** A run from its claim to the merges that it owes. */
  const run = async (number: number): Promise<void> => {
    const taken = await takeVersions(at, wishOf(number), versionsOf(number));
    if (!('versions' in taken) || taken.versions.length !== perRun) throw new Error('not all were new');
    await publish(number, taken.claim!);
    const settled = await settleClaims(at, { runId: `run-${number}`, life: 1 }, fateOf(environment));
    if (settled?.crowded) await compactLedger(at);
  };
  const manifestOf = (number: number, claim: string): Manifest => ({
    version: 1,
    outcome: 'published',
    runId: `run-${number}`,
    life: 1,
    pipeline: 'feed',
    pipelineHash: compiled.hash,
    identity: identityOf(compiled),
    startedAt: new Date(number).toISOString(),
    finishedAt: new Date(number).toISOString(),
    phases: [],
    source: { container: 'landing', prefix: 'feed/', rows: 0, claim },
    inputs: versionsOf(number).map((version) => ({ ...version, size: 1_000_000, rows: 0 })),
    output: compiled.output,
    entities: [],
    sequences: {},
  });

  for (let number = 0; number < runs; number++) await publish(number, `ledger/feed/claims/run-${number}/0.keys`);
  say('written from manifests', await costOf(() => rebuildLedger(environment, compiled)));
  const { entries } = (await readLedger(at))!.value;
  const mib = (entries.reduce((sum, entry) => sum + entry.bytes, 0) / 2 ** 20).toFixed(0);
  console.log(`${runs} runs, ${entries.reduce((sum, entry) => sum + entry.keys, 0)} versions: ${mib} MiB`);
  const costs: Cost[] = [];
  for (let number = runs; number < runs + MEASURED; number++) costs.push(await costOf(() => run(number)));
  const mean = (of: keyof Cost) => costs.reduce((sum, cost) => sum + cost[of], 0) / costs.length;
  say(`a run over ${perRun} new blobs, the mean of ${MEASURED}`, {
    requests: mean('requests'),
    read: mean('read'),
    written: mean('written'),
    cpu: mean('cpu'),
  });
  say(
    'the dearest of them',
    costs.reduce((most, cost) => (cost.cpu > most.cpu ? cost : most)),
  );
  const look = (wanted: Version[]) => takeVersions(at, wishOf(runs + MEASURED, true), wanted);
  say('a start that finds nothing new in a folder', await costOf(() => look(versionsOf(runs >> 1))));
  say('an arriving blob', await costOf(() => look(versionsOf(runs + MEASURED).slice(0, 1))));
  const all = Array.from({ length: runs }, (_, number) => versionsOf(number)).flat();
  say(`a start that lists all ${all.length} blobs`, await costOf(() => look(all)));
  console.log(`${Math.round(process.resourceUsage().maxRSS / 1024)} MiB of memory`);
}

interface Cost {
  requests: number;
  read: number;
  written: number;
  cpu: number;
}

function say(what: string, { requests, read, written, cpu }: Cost): void {
  const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(2)} MiB`;
  console.log(
    `${what}: ${Math.round(requests)} requests, ${mib(read)} read, ${mib(written)} written, ${Math.round(cpu)} ms of CPU`,
  );
}
