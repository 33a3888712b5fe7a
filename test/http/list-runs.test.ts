/**
 * The list of runs over a hundred thousand of them, as the handler makes it from the starts of lives: in order, whole,
 * and with few requests. Real claims and starts in a store in memory; the instances are those of the test.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { pipelines } from '../../pipelines/index.ts';
import { parseConfig } from '../../src/environment/config.ts';
import { listRuns } from '../../src/http/list-runs.ts';
import { putClaim } from '../../src/lives/claims.ts';
import { startRun } from '../../src/lives/start.ts';
import { noteEnd, putStart, readStart } from '../../src/lives/starts.ts';
import { startOfName, work } from '../../src/storage/names.ts';
import { withFaults } from '../support/faults.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { StandingRuns } from './support/runs.ts';

const dayMs = 24 * 3_600_000;
const first = Date.parse('2026-01-01T00:00:00.123Z');

async function world() {
  const memory = new MemoryStore();
  await memory.ensureContainer('ordinal');
  let requests = 0;
  const store = withFaults(memory, ({ at }) => {
    if (at === 'before') requests++;
  });
  const runs = new StandingRuns();
  const environment = { store, config: parseConfig({ AzureWebJobsStorage: 'x' }), pipelines };
  const starter = { environment: { ...environment, store: memory }, runs, now: new Date(first) };
  const door = { environment, runs, now: new Date(first + 400 * dayMs), newRunId: () => 'x', hostname: undefined };
  const list = async (query: Record<string, string>) => {
    const url = new URL(`https://app/api/runs?${new URLSearchParams(query)}`);
    const before = requests;
    const answer = await listRuns(door, { url: url.href, query: url.searchParams, headers: new Headers() } as never);
    const body = JSON.parse(String(answer.body)) as {
      runs: { runId: string; status: string }[];
      continuation?: string;
    };
    return { ...body, ids: body.runs.map(({ runId }) => runId), requests: requests - before };
  };
  return { memory, runs, starter, list };
}

type World = Awaited<ReturnType<typeof world>>;

const input = (runId: string, pipeline = 'flights') => ({ runId, pipeline, prefix: `${pipeline}/` });

/** A run that has published, as its start says it. */
async function published({ starter: { environment } }: World, runId: string, at: number, pipeline?: string) {
  const claimedAt = new Date(at).toISOString();
  const claim = { version: 1, runId, life: 1, input: input(runId, pipeline), claimedAt, state: 'open' } as const;
  await putStart(environment, claim);
  const end = { startedAt: claimedAt, finishedAt: new Date(at + 1500).toISOString(), rows: 7, ids: 9 };
  await noteEnd(environment, { runId, life: 1 }, claimedAt, end);
}

/** The store in memory sorts all names for each listing. From here on nothing is written, so one order will do. */
function sortOnce(memory: MemoryStore): void {
  const names = memory.names('ordinal', work.startPrefix);
  memory.listPage = async (container, _prefix, { size, from }) => {
    const begin = from === undefined ? 0 : names.indexOf(from) + 1;
    const blobs = await Promise.all(names.slice(begin, begin + size).map((name) => memory.head(container, name)));
    const next = names[begin + size - 1];
    return { blobs: blobs.map((blob) => blob!), ...(begin + size < names.length && { next: next! }) };
  };
}

describe('the list of runs', () => {
  it('of a hundred thousand is the newest first, with one request for each page', async () => {
    const one = await world();
    const count = 100_000;
    // In an order that is not the one of their times.
    for (let i = 0; i < count; i++) {
      const nth = (i * 7_919) % count;
      await published(one, `r${nth}`, first + nth * 60_000, nth % 2 === 0 ? 'flights' : 'sales');
    }
    sortOnce(one.memory);
    const page = await one.list({ limit: '50' });
    assert.deepEqual(
      page.ids,
      Array.from({ length: 50 }, (_, i) => `r${count - 1 - i}`),
    );
    assert.equal(page.requests, 1);
    const next = await one.list({ limit: '50', continuation: page.continuation! });
    assert.deepEqual([next.ids[0], next.requests], [`r${count - 51}`, 1]);
    const rare = await one.list({ text: 'R4242', pipeline: 'sales', limit: '50' });
    assert.ok(rare.ids.every((id) => /^r4242\d?$/.test(id)) && rare.requests <= 6, `${rare.ids} ${rare.requests}`);
    const seen: string[] = [];
    let from: string | undefined;
    do {
      const some = await one.list({
        limit: '100',
        pipeline: 'sales',
        ...(from !== undefined && { continuation: from }),
      });
      seen.push(...some.ids);
      from = some.continuation;
    } while (from !== undefined && seen.length < 1_000);
    assert.deepEqual(
      seen,
      seen.map((_, i) => `r${count - 1 - 2 * i}`),
      'none twice, and none left out',
    );
  });

  it('shows what is asked for: a time, a state, and of each run its newest life', async () => {
    const one = await world();
    const { runs, starter, list } = one;
    await published(one, 'old', first);
    await published(one, 'done', first + dayMs);
    const begin = (runId: string, at: number) =>
      startRun({ ...starter, now: new Date(at) }, input(runId), { restarts: true });
    await begin('fails', first + 2 * dayMs);
    runs.put('fails', { status: 'Failed', input: { ...input('fails'), life: 1 }, output: 'broken' });
    await begin('twice', first + 3 * dayMs);
    runs.put('twice', { status: 'Failed', input: { ...input('twice'), life: 1 } });
    await begin('twice', first + 4 * dayMs);
    await begin('now', first + 5 * dayMs);
    assert.deepEqual((await list({})).ids, ['now', 'twice', 'fails', 'done', 'old']);
    assert.deepEqual((await list({ status: 'Running' })).ids, ['now', 'twice']);
    assert.deepEqual((await list({ status: 'Failed' })).ids, ['fails']);
    assert.deepEqual((await list({ status: 'Completed' })).ids, ['done', 'old']);
    const iso = (ms: number) => new Date(ms).toISOString();
    assert.deepEqual((await list({ createdFrom: iso(first + dayMs), createdTo: iso(first + 2 * dayMs) })).ids, [
      'fails',
      'done',
    ]);
    assert.deepEqual((await list({ createdFrom: iso(first + 90 * dayMs) })).ids, []);
  });

  it('has a run whose start was interrupted, once somebody finishes it', async () => {
    const one = await world();
    const { starter, list } = one;
    const claimedAt = new Date(first).toISOString();
    await putClaim(starter.environment, {
      version: 1,
      runId: 'half',
      life: 1,
      input: input('half'),
      claimedAt,
      state: 'open',
    });
    assert.deepEqual((await list({})).ids, []);
    await startRun(starter, input('half'));
    assert.deepEqual((await list({})).ids, ['half']);
  });
});

describe('a start', () => {
  it('is named by its time, inverted, and says who asked', async () => {
    const { memory, starter } = await world();
    const startedBy = { by: 'request', who: 'Ann Ö. <ann@example.com>' } as const;
    await startRun(starter, { ...input('a'), startedBy });
    const [blob] = (await memory.listPage('ordinal', work.startPrefix, { size: 9 })).blobs;
    assert.equal(blob!.size, 0);
    assert.deepEqual(readStart(blob!), { runId: 'a', life: 1, at: first, pipeline: 'flights', startedBy });
    assert.ok(work.start({ runId: 'a', life: 2 }, first + 1) < work.start({ runId: 'a', life: 1 }, first));
    assert.deepEqual(startOfName(work.start({ runId: 'a', life: 2 }, first)), { runId: 'a', life: 2, at: first });
    assert.equal(startOfName('starts/x/a'), undefined);
  });

  it('that the sweep has removed is not written again by a late end', async () => {
    const { memory, starter } = await world();
    await startRun(starter, input('a'));
    await memory.remove('ordinal', work.start({ runId: 'a', life: 1 }, first));
    const end = {
      startedAt: new Date(first).toISOString(),
      finishedAt: new Date(first).toISOString(),
      rows: 1,
      ids: 1,
    };
    await noteEnd(starter.environment, { runId: 'a', life: 1 }, new Date(first).toISOString(), end);
    assert.deepEqual(
      memory.names('ordinal').filter((name) => name.startsWith('starts/')),
      [],
    );
  });
});
