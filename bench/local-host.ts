/**
 * What the local host itself costs: `node bench/local-host.ts [--json FILE]`. A fixture app with activities that do
 * nothing runs on a host with its state in SQLite; each figure is the best of three, after one run to warm up.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type StartedHost, startHost } from '../packages/local-host/src/start-host.ts';

const rounds = 3;

interface Figure {
  name: string;
  value: number;
  unit: string;
  wanted: string;
}

async function run(host: StartedHost, name: string, input: object): Promise<{ ms: number; output: unknown }> {
  const startedAt = performance.now();
  const url = `${host.url}/runtime/webhooks/durabletask/orchestrators/${name}?timeout=120&pollingInterval=1`;
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(input) });
  const output: unknown = await response.json();
  if (response.status !== 200)
    throw new Error(`${name} was answered with ${response.status}: ${JSON.stringify(output)}`);
  return { ms: performance.now() - startedAt, output };
}

async function best(host: StartedHost, name: string, input: object): Promise<number> {
  await run(host, name, input);
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) least = Math.min(least, (await run(host, name, input)).ms);
  return least;
}

async function measure(host: StartedHost): Promise<Figure[]> {
  const wide = await best(host, 'wide', { count: 1000 });
  const callers = await best(host, 'callers', { count: 2000 });
  const batches = await best(host, 'batches', { count: 20 });
  const single = await best(host, 'wide', { count: 1 });
  const figure = (name: string, value: number, unit: string, wanted: string) => ({
    name,
    value: Math.round(value),
    unit,
    wanted,
  });
  return [
    figure('activities of a 1,000-wide fan-out', 1000 / (wide / 1000), '1/s', 'at least 1000'),
    figure('operations on one entity', 2000 / (callers / 1000), '1/s', 'at least 2000'),
    figure('a run of 20 batches in 4 phases, doing nothing', batches, 'ms', 'under 300'),
    figure('one orchestration with one activity', single, 'ms', ''),
  ];
}

const folder = mkdtempSync(join(tmpdir(), 'bench-'));
const host = await startHost({
  scriptRoot: fileURLToPath(new URL('../packages/local-host/test/fixtures/durable', import.meta.url)),
  state: join(folder, 'host.sqlite'),
  env: { AzureFunctionsJobHost__extensions__durableTask__maxConcurrentActivityFunctions: '20' },
});
try {
  const figures = await measure(host);
  for (const { name, value, unit, wanted } of figures) {
    process.stdout.write(`${name.padEnd(50)} ${String(value).padStart(7)} ${unit.padEnd(4)} ${wanted}\n`);
  }
  const file = process.argv[process.argv.indexOf('--json') + 1];
  if (process.argv.includes('--json') && file !== undefined) {
    writeFileSync(file, JSON.stringify({ node: process.version, cores: availableParallelism(), figures }, null, 2));
  }
} finally {
  await host.stop();
  rmSync(folder, { recursive: true });
}
