/**
 * `kill -9` of the host, of workers, or of all, at seeded moments of a run; started again on the same file each time.
 * KILLS=N makes it N moments instead of the few of a normal run.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'vitest';
import { seededRandom } from '../src/chaos.ts';
import { type StartedHost, startHost } from '../src/start-host.ts';
import { lives, workersOf } from './processes.ts';

const scriptRoot = fileURLToPath(new URL('./fixtures/durable', import.meta.url));
const kills = Number(process.env.KILLS ?? 3);
const seed = Number(process.env.SEED ?? 1);
const [shards, size] = [10, 12];
const count = shards * size;

async function statusOf(host: StartedHost, id: string): Promise<{ runtimeStatus: string; output: unknown }> {
  const response = await fetch(`${host.url}/runtime/webhooks/durabletask/instances/${id}`);
  return (await response.json()) as { runtimeStatus: string; output: unknown };
}

async function finish(host: StartedHost, id: string): Promise<unknown> {
  for (const end = Date.now() + 30_000; Date.now() < end; ) {
    const { runtimeStatus, output } = await statusOf(host, id);
    if (runtimeStatus !== 'Running' && runtimeStatus !== 'Pending') return output;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('the run did not end');
}

async function checkOutcome(host: StartedHost, id: string): Promise<void> {
  const output = (await finish(host, id)) as { sum: number; firsts: number[] };
  const sum = Array.from({ length: count }, (_, n) => n * n).reduce((a, b) => a + b, 0);
  assert.deepEqual(output, { sum, firsts: Array.from({ length: shards }, (_, k) => k * size) });
  const response = await fetch(`${host.url}/runtime/webhooks/durabletask/entities/ledger/all`);
  const ledger = (await response.json()) as { next: number; notes: Record<string, number> };
  assert.equal(ledger.next, count);
  assert.deepEqual(
    ledger.notes,
    Object.fromEntries(Array.from({ length: count }, (_, n) => [n, 1])),
    'each signal arrived exactly once',
  );
}

test(`${kills} kills of host and workers: the run ends as if nothing had been`, { timeout: 600_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kill-'));
  const random = seededRandom(seed);
  const options = { scriptRoot, state: join(folder, 'state', 'host.sqlite'), workers: 2 };
  let host = await startHost(options);
  const orphans: number[] = [];
  try {
    const started = await fetch(`${host.url}/runtime/webhooks/durabletask/orchestrators/work/run`, {
      method: 'POST',
      body: JSON.stringify({ shards, size }),
    });
    assert.equal(started.status, 202);
    for (let kill = 0; kill < kills; kill++) {
      await new Promise((resolve) => setTimeout(resolve, random() * 400));
      const workers = await workersOf(host.url);
      const what = random();
      if (what < 0.3 && workers.length > 0) {
        process.kill(workers[Math.floor(random() * workers.length)] as number, 'SIGKILL');
        continue;
      }
      if (what > 0.7) for (const pid of workers) if (lives(pid)) process.kill(pid, 'SIGKILL');
      await host.kill();
      orphans.push(...workers);
      host = await startHost(options);
    }
    await checkOutcome(host, 'run');
    assert.deepEqual(orphans.filter(lives), [], 'workers end when their host is gone');
  } finally {
    await host.stop();
    rmSync(folder, { recursive: true });
  }
});

test('chaos: twice, late, lost, and with workers killed; the outcome is the same', { timeout: 120_000 }, async () => {
  const host = await startHost({ scriptRoot, workers: 2, args: ['--chaos', String(seed)] });
  try {
    await fetch(`${host.url}/runtime/webhooks/durabletask/orchestrators/work/run`, {
      method: 'POST',
      body: JSON.stringify({ shards, size }),
    });
    await checkOutcome(host, 'run');
  } finally {
    await host.stop();
  }
});

test('Ctrl-C drains: what runs is committed, and the next host goes on', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'drain-'));
  const options = { scriptRoot, state: join(folder, 'host.sqlite'), workers: 2 };
  const first = await startHost(options);
  await fetch(`${first.url}/runtime/webhooks/durabletask/orchestrators/work/run`, {
    method: 'POST',
    body: JSON.stringify({ shards, size }),
  });
  await new Promise((resolve) => setTimeout(resolve, 200));
  process.kill(first.pid, 'SIGINT');
  assert.equal(await first.ended, 0);
  const second = await startHost(options);
  try {
    await checkOutcome(second, 'run');
  } finally {
    await second.stop();
    rmSync(folder, { recursive: true });
  }
});
