/**
 * Timelines: what the metadata of a life's blobs says of its tasks, and how many of them are drawn as slots of time. The
 * oracle for slots counts task by task and millisecond by millisecond.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { beginTask, taskTimesOf } from '../../src/documents/task-times.ts';
import { foldTimeline, keepTimeline, type Timeline } from '../../src/documents/timeline.ts';
import { parseConfig } from '../../src/environment/config.ts';
import { work } from '../../src/storage/names.ts';
import { viewTimeline } from '../../src/view/timeline-view.ts';
import { MemoryStore } from '../support/memory-store.ts';

const of = { runId: 'r', life: 2 };
const blob = (name: string, times: string, rows?: number) => ({
  name,
  metadata: { times, ...(rows !== undefined && { rows: String(rows) }) },
});

describe('times of a task', () => {
  const config = parseConfig({ AzureWebJobsStorage: 'x', WEBSITE_INSTANCE_ID: 'ab12,=;é34567890' });
  it('are metadata that fits a header, and are read back', () => {
    const before = Date.now();
    const { times } = beginTask({ config }, { queuedAt: before - 5 })();
    assert.match(times!, /^[\x21-\x7e]{1,100}$/);
    const read = taskTimesOf({ times: times! })!;
    assert.equal(read.queued, before - 5);
    assert.ok(read.started >= before && read.ended >= read.started && read.worker === config.worker);
    assert.equal(taskTimesOf({ times: beginTask({ config }, {})().times! })?.queued, undefined);
  });

  it('are in order, whatever the clocks of two machines say, and are nothing where they are no times', () => {
    assert.deepEqual(taskTimesOf({ times: '900,500,400,w' }), { queued: 500, started: 500, ended: 500, worker: 'w' });
    for (const times of ['', '1,2', '1,2,x,w', '1,2,3,', `1,2,3,${'w'.repeat(41)}`, '-1,2,3,w'])
      assert.equal(taskTimesOf({ times }), undefined, times);
    assert.equal(taskTimesOf({}), undefined);
  });
});

describe('a timeline', () => {
  it('has each task once, under its phase and entity', () => {
    const blobs = [
      blob(work.plan(of), '100,110,150,a/1'),
      blob(work.split(of, 1), '160,170,260,b/2', 30),
      blob(work.split(of, 0), '160,161,200,a/1', 20),
      blob(work.resolution(of, 'a-b', 3), '300,301,320,a/1'),
      blob(work.sealed(of, 'g000004'), '330,331,350,b/2'),
      blob(work.published(of, 'a-b', 0, 'new'), '360,361,370,b/2', 5),
      blob(work.published(of, 'a-b', 0, 'known'), '360,361,390,b/2', 7),
      blob(work.ids(of), '1,2,3,a/1'),
      { name: work.split(of, 2), metadata: { rows: '9' } },
    ];
    const folded = foldTimeline(of, blobs)!;
    assert.deepEqual([folded.from, folded.workers, folded.runId, folded.life], [100, ['a/1', 'b/2'], 'r', 2]);
    assert.deepEqual(
      folded.groups.map(({ phase, entity, number, rows }) => [phase, entity, number, rows]),
      [
        ['plan', undefined, [0], [0]],
        ['split', undefined, [0, 1], [20, 30]],
        ['resolve', 'a-b', [3], [0]],
        ['seal', undefined, [4], [0]],
        ['publish', 'a-b', [0], [12]],
      ],
    );
    const split = folded.groups[1]!;
    assert.deepEqual(
      [split.queued, split.started, split.ended, split.worker],
      [
        [60, 60],
        [61, 70],
        [100, 160],
        [0, 1],
      ],
    );
    assert.equal(foldTimeline(of, [{ name: work.split(of, 0), metadata: {} }]), undefined);
  });

  it('is kept once: a later look, which may see less, changes nothing', async () => {
    const store = new MemoryStore();
    await store.ensureContainer('ordinal');
    const environment = { store, config: parseConfig({ AzureWebJobsStorage: 'x' }), pipelines: new Map() };
    const item = { size: 0, etag: '', lastModified: '' };
    const one = { ...item, ...blob(work.split(of, 0), '1,2,3,w') };
    await keepTimeline(environment, of, [one, { ...item, ...blob(work.split(of, 1), '1,2,3,w') }]);
    const before = store.bytes('ordinal', work.timeline(of));
    await keepTimeline(environment, of, [one]);
    await keepTimeline(environment, of, []);
    assert.deepEqual(store.bytes('ordinal', work.timeline(of)), before);
  });
});

describe('slots of time', () => {
  it('count waiting and working as a count by the millisecond does', () => {
    let seed = 7;
    const random = (n: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % n;
    };
    const tasks = Array.from({ length: 300 }, () => {
      const queued = random(2_000);
      const started = queued + random(300);
      return { queued, started, ended: started + random(500), rows: random(100) };
    });
    const column = (name: 'queued' | 'started' | 'ended' | 'rows') => tasks.map((task) => task[name]);
    const group = {
      phase: 'split' as const,
      number: [...tasks.keys()],
      queued: column('queued'),
      started: column('started'),
      ended: column('ended'),
      worker: tasks.map(() => 0),
      rows: column('rows'),
    };
    const timeline: Timeline = { version: 1, ...of, from: 0, workers: ['w'], groups: [group] };
    const [view] = viewTimeline(timeline, 10, false).groups;
    const { ms, waiting, working, ended, rows } = view!.slots!;
    const near = (a: number, b: number, what: string) => assert.ok(Math.abs(a - b) < 0.01, `${what}: ${a} and ${b}`);
    for (const [s, found] of working.entries()) {
      const within = (a: number, b: number) => Math.max(0, Math.min(b, (s + 1) * ms) - Math.max(a, s * ms)) / ms;
      near(
        found,
        tasks.reduce((sum, task) => sum + within(task.started, task.ended), 0),
        `working in ${s}`,
      );
      near(
        waiting[s]!,
        tasks.reduce((sum, task) => sum + within(task.queued, task.started), 0),
        `waiting in ${s}`,
      );
    }
    assert.equal(
      ended.reduce((sum, n) => sum + n, 0),
      tasks.length,
    );
    assert.equal(
      rows.reduce((sum, n) => sum + n, 0),
      view!.rowsDone,
    );
    assert.equal(view!.tasks, undefined);
    assert.equal(viewTimeline(timeline, 300, false).groups[0]!.slots, undefined);
    assert.equal(view!.slowest.length, 5);
  });

  it('of forty thousand tasks take little time and room', () => {
    const many = Array.from({ length: 40_000 }, (_, i) => i);
    const group = {
      phase: 'split' as const,
      number: many,
      queued: many,
      started: many,
      ended: many.map((at) => at + 9),
      worker: many.map(() => 0),
      rows: many,
    };
    const view = viewTimeline({ version: 1, ...of, from: 0, workers: ['w'], groups: [group] }, 200, true);
    assert.ok(JSON.stringify(view).length < 32 * 1024);
  });
});
