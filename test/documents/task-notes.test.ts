/** What a short run notes of its tasks, when, and what a timeline makes of the notes. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test, vi } from 'vitest';
import { notedTasks, TaskNotes } from '../../src/documents/task-notes.ts';
import { keepTimeline, listWork, readTimeline, tasksEnded } from '../../src/documents/timeline.ts';
import { parseConfig } from '../../src/environment/config.ts';
import type { Environment } from '../../src/environment/environment.ts';
import { limits } from '../../src/limits.ts';
import { work } from '../../src/storage/names.ts';
import { withFaults } from '../support/faults.ts';
import { MemoryStore } from '../support/memory-store.ts';

const of = { runId: 'r', life: 2 };
const config = parseConfig({ AzureWebJobsStorage: 'none: the store is in memory' });
const pause = limits.shortNoteSeconds * 1000;
let store: MemoryStore;
let environment: Environment;

beforeEach(async () => {
  vi.useFakeTimers();
  store = new MemoryStore();
  await store.ensureContainer(config.workContainer);
  environment = { store, config, pipelines: new Map() };
});
afterEach(() => {
  vi.useRealTimers();
});

/** What a task leaves: its record. */
const leave = (name: string, times?: string, rows?: string) =>
  store.write(config.workContainer, name, Buffer.from('{}'), {
    metadata: { ...(times && { times }), ...(rows && { rows }) },
  });
/** Names of the tasks that are noted. */
const noted = async () => (await notedTasks(environment, of)).map(({ name }) => name);

test('a task is noted once the last note is old enough, with all that have ended', async () => {
  const notes = new TaskNotes(environment, of);
  await leave(work.split(of, 0), '1,2,3,w', '7');
  await leave(work.resolution(of, 'e', 0), '4,5,6,w');
  await leave(work.plan(of), '0,0,1,w');
  await leave(work.slots(of, 'e', 0));
  vi.advanceTimersByTime(pause - 1);
  notes.ended();
  await notes.rest();
  assert.deepEqual(await noted(), []);
  vi.advanceTimersByTime(1);
  notes.ended();
  await notes.rest();
  assert.deepEqual(await notedTasks(environment, of), [
    { name: work.split(of, 0), metadata: { times: '1,2,3,w', rows: '7' } },
    { name: work.resolution(of, 'e', 0), metadata: { times: '4,5,6,w' } },
  ]);
  // The next note waits as long again.
  await leave(work.split(of, 1), '1,2,3,w');
  vi.advanceTimersByTime(pause - 1);
  notes.ended();
  await notes.rest();
  assert.equal((await noted()).length, 2);
  await notes.flush();
  assert.equal((await noted()).length, 3);
});

test('what has ended is noted later where the run waits, unless it goes on; and there is no note of nothing', async () => {
  const notes = new TaskNotes(environment, of);
  const passes = async (ms: number) => {
    await vi.advanceTimersByTimeAsync(ms);
    return await noted();
  };
  await leave(work.split(of, 0), '1,2,3,w');
  notes.later();
  await notes.flush();
  assert.deepEqual(await passes(2 * pause), []);
  const running = new TaskNotes(environment, of);
  running.ended();
  running.later();
  assert.deepEqual(await passes(pause - 1), []);
  await running.rest();
  assert.deepEqual(await passes(pause), [], 'a run that goes on sets no note');
  running.later();
  assert.deepEqual(await passes(pause), [work.split(of, 0)]);
});

test('a note that fails is made up by the next one, and fails nothing', async () => {
  let fails = true;
  const broken = withFaults(store, ({ point }) => {
    if (fails && point.endsWith(':write:before')) throw new Error('refused');
  });
  const notes = new TaskNotes({ ...environment, store: broken }, of);
  await leave(work.split(of, 0), '1,2,3,w');
  notes.ended();
  await notes.flush();
  assert.deepEqual(await noted(), []);
  fails = false;
  notes.ended();
  await notes.flush();
  assert.deepEqual(await noted(), [work.split(of, 0)]);
});

test('a timeline is what was written down; before that, of the blobs and, where it cannot see all, of the notes', async () => {
  assert.equal(await readTimeline(environment, of), undefined);
  await leave(work.split(of, 0), '1,2,3,w', '5');
  await leave(work.split(of, 1), '1,2,4,w', '6');
  const notes = new TaskNotes(environment, of);
  notes.ended();
  await notes.flush();
  // The notes are older than the record of the first batch; that of the second one is in another process's memory.
  await leave(work.split(of, 0), '1,2,9,w', '7');
  await store.remove(config.workContainer, work.split(of, 1));
  const seen = (await readTimeline(environment, of))!.groups;
  assert.deepEqual(
    seen.map(({ phase, number, ended, rows }) => ({ phase, number, ended, rows })),
    [{ phase: 'split', number: [0, 1], ended: [8, 3], rows: [7, 6] }],
  );
  const own = (await readTimeline({ ...environment, workInMemory: true }, of))!.groups;
  assert.deepEqual(own[0]!.number, [0], 'who has the records asks no notes');
  const record = store.bytes(config.workContainer, work.split(of, 0));
  await store.remove(config.workContainer, work.split(of, 0));
  assert.deepEqual((await readTimeline(environment, of))!.groups[0]!.ended, [2, 3], 'the notes alone');
  await store.write(config.workContainer, work.split(of, 0), record, { metadata: { times: '1,2,9,w', rows: '7' } });

  await keepTimeline(environment, of, await listWork(environment, of));
  await leave(work.split(of, 2), '1,2,3,w');
  assert.deepEqual((await readTimeline(environment, of))!.groups, seen);
});

test('the tasks that have ended are counted by phase', async () => {
  await leave(work.plan(of), '1,2,3,w');
  await leave(work.files(of, '0123456789abcdef', 0), '1,2,3,w', '11');
  await leave(work.listing(of, '0123456789abcdef', 0), '1,2,3,w');
  await leave(work.split(of, 0), '1,2,3,w', '5');
  await leave(work.split(of, 1), '1,2,3,w', 'x');
  await leave(work.sealed(of, 'g000004'), '1,2,3,w', '2');
  await leave(work.published(of, 'e', 0, 'new'), '1,2,3,w', '3');
  await leave(work.published(of, 'e', 0, 'known'), '1,2,3,w', '4');
  assert.deepEqual(await tasksEnded(environment, of, 'plan', false), { tasks: 1, rows: 11 });
  assert.deepEqual(await tasksEnded(environment, of, 'split', false), { tasks: 2, rows: 5 });
  assert.deepEqual(await tasksEnded(environment, of, 'resolve', false), { tasks: 0, rows: 0 });
  assert.deepEqual(await tasksEnded(environment, of, 'publish', false), { tasks: 1, rows: 7 });
  // A short run: what it has noted, but for its plan.
  assert.deepEqual(await tasksEnded(environment, of, 'split', true), { tasks: 0, rows: 0 });
  const notes = new TaskNotes(environment, of);
  notes.ended();
  await notes.flush();
  assert.deepEqual(await tasksEnded(environment, of, 'plan', true), { tasks: 1, rows: 11 });
  assert.deepEqual(await tasksEnded(environment, of, 'split', true), { tasks: 2, rows: 5 });
  assert.deepEqual(await tasksEnded(environment, of, 'publish', true), { tasks: 2, rows: 9 });
});
