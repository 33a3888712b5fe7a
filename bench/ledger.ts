/**
 * A pipeline's ledger at size: what the start of a run asks of it, and what a publication adds, when 10,000 runs have read
 * a million blobs; and how long it takes to write it again from their manifests. The ledger's own functions run, over a
 * store in a folder that counts requests.
 *
 *   node bench/ledger.ts [--runs 10000] [--blobs 100]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import type { Manifest } from '../src/documents/documents.ts';
import { parseConfig } from '../src/environment/config.ts';
import { compactLedger, readLedger, settleClaims } from '../src/ledger/ledger.ts';
import { takeVersions } from '../src/ledger/take-versions.ts';
import type { Version } from '../src/ledger/versions.ts';
import { pipeline, registerPipelines } from '../src/pipeline/index.ts';
import { identityOf } from '../src/pipeline/identity.ts';
import { fateOf, ledgerOf, rebuildLedger } from '../src/plan/run-ledger.ts';
import { writeJson } from '../src/storage/json.ts';
import { output } from '../src/storage/names.ts';
import { FileStore } from './file-store.ts';

const feed = pipeline({
  name: 'feed',
  source: { container: 'landing', prefix: 'feed/' },
  row: z.object({ n: z.int() }),
  entities: ({ rows, id }) => ({ lines: rows({ id: id('line_id'), columns: { n: 'n' } }) }),
});

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '10000' }, blobs: { type: 'string', default: '100' } },
});
const [runs, perRun] = [Number(values.runs), Number(values.blobs)];

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
  const versionsOf = (run: number): Version[] =>
    Array.from({ length: perRun }, (_, i) => ({
      blob: `feed/day=${String(run).padStart(5, '0')}/part-${String(i).padStart(5, '0')}.parquet`,
      etag: `"0x8D${(run * perRun + i).toString(16).toUpperCase().padStart(12, '0')}"`,
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
  /** What something costs: requests, bytes, and CPU of this process. */
  const costOf = async <T>(what: string, does: () => Promise<T>): Promise<T> => {
    const [before, cpu] = [{ ...store.counters }, process.cpuUsage()];
    const value = await does();
    const { user, system } = process.cpuUsage(cpu);
    const { requests, bytesRead, bytesWritten } = store.counters;
    const kib = (bytes: number) => `${(bytes / 1024).toFixed(0)} KiB`;
    console.log(
      `${what}: ${requests - before.requests} requests, ${kib(bytesRead - before.bytesRead)} read, ` +
        `${kib(bytesWritten - before.bytesWritten)} written, ${((user + system) / 1000).toFixed(0)} ms of CPU`,
    );
    return value;
  };
  /** A run from its claim to the merge that it may owe. */
  const run = async (number: number): Promise<void> => {
    const taken = await takeVersions(at, wishOf(number), versionsOf(number));
    if (!('versions' in taken) || taken.versions.length !== perRun) throw new Error('not all were new');
    const name = output.manifest(compiled, `run-${number}`);
    await writeJson(store, 'published', name, manifestOf(number, taken.claim!), { ifAbsent: true, compact: true });
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

  await costOf('the first run', () => run(0));
  for (let number = 1; number < runs; number++) await run(number);
  const { entries } = (await readLedger(at))!.value;
  const keys = entries.reduce((sum, entry) => sum + entry.keys, 0);
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  console.log(`after ${runs} runs: ${keys} versions in ${entries.length} segments of ${Math.round(bytes / 2 ** 20)} MiB`);
  await costOf(`one more run, over ${perRun} new blobs`, () => run(runs));
  await costOf('a start that finds nothing new in its folder', () =>
    takeVersions(at, wishOf(runs + 1, true), versionsOf(runs >> 1)),
  );
  const all = Array.from({ length: runs }, (_, number) => versionsOf(number)).flat();
  await costOf(`a start that lists all ${all.length} blobs`, async () => {
    const taken = await takeVersions(at, wishOf(runs + 1, true), [...all, ...versionsOf(runs + 1)]);
    if (!('versions' in taken) || taken.versions.length !== perRun) throw new Error('not the new ones');
  });
  const rebuilt = await costOf('written again from manifests', () => rebuildLedger(environment, compiled));
  console.log(`${rebuilt.versions} versions of ${rebuilt.runs} runs; ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB of memory`);
}
