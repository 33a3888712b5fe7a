/** The timer trigger on a virtual clock: what is remembered, what is past due, what is made up for. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { TimerStatus } from '../src/engine/model.ts';
import { FunctionTable } from '../src/functions.ts';
import { parseSchedule } from '../src/triggers/cron.ts';
import { startTimers } from '../src/triggers/timer.ts';
import { isMonitored } from '../src/triggers/timer-status.ts';
import { WorkerLost } from '../src/worker/process.ts';
import { VirtualClock } from './harness.ts';

interface Run {
  at: string;
  IsPastDue: boolean;
  ScheduleStatus?: { Last: string; Next: string; LastUpdated: string };
}

/** A timer function in a host that remembers in `memory`, and what it was given. `takes` is how long a run lasts. */
function timerWorld(trigger: object, memory: Map<string, TimerStatus>, clock: VirtualClock, takes = 0) {
  const runs: Run[] = [];
  const state = { lost: false };
  const pause = (ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve));
  const invoke = async (_lane: string, invocation: { inputs: { data: { json?: string } }[] }) => {
    runs.push({ at: new Date(clock.time).toISOString(), ...JSON.parse(invocation.inputs[0]?.data.json ?? '') });
    if (takes > 0) await pause(takes);
    if (state.lost) throw new WorkerLost('the host is stopping');
    return { outputData: [] };
  };
  const bindings = { t: { type: 'timerTrigger', name: 't', direction: 'in', ...trigger } };
  const timers = startTimers(
    {
      pool: { invoke } as never,
      clientValue: '',
      timeoutMs: undefined,
      now: clock.now,
      sleep: pause,
      log: () => {},
      timers: clock,
      memory: { read: (name) => memory.get(name), write: (name, status) => void memory.set(name, status) },
    },
    new FunctionTable([{ name: 'tick', bindings }], {}).ofKind('timer'),
  );
  const advance = async (ms: number) => {
    const limit = clock.time + ms;
    await settle();
    while (clock.step(limit)) await settle();
    clock.time = limit;
  };
  return { runs, advance, state, timers };
}

const settle = async () => {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
};
const hourMs = 3_600_000;
const hourly = { schedule: '0 0 * * * *' };
const start = Date.parse('2030-01-01T00:00:00.000Z');

test('a first host remembers the next occurrence, fires on time, and says when it last ran', async () => {
  const [memory, clock] = [new Map<string, TimerStatus>(), new VirtualClock()];
  const { runs, advance } = timerWorld(hourly, memory, clock);
  assert.deepEqual(memory.get('tick'), { next: start + hourMs, lastUpdated: start });
  await advance(2 * hourMs);
  assert.deepEqual(
    runs.map(({ at, IsPastDue, ScheduleStatus }) => [at, IsPastDue, ScheduleStatus?.Last, ScheduleStatus?.Next]),
    [
      ['2030-01-01T01:00:00.000Z', false, '0001-01-01T00:00:00', '2030-01-01T01:00:00.000Z'],
      ['2030-01-01T02:00:00.000Z', false, '2030-01-01T01:00:00.000Z', '2030-01-01T02:00:00.000Z'],
    ],
  );
  assert.deepEqual(memory.get('tick'), { last: start + 2 * hourMs, next: start + 3 * hourMs, lastUpdated: clock.time });
});

test('occurrences that were missed while no host ran are one run that is past due, at once', async () => {
  const [memory, clock] = [new Map<string, TimerStatus>(), new VirtualClock()];
  const first = timerWorld(hourly, memory, clock);
  await first.advance(hourMs);
  first.timers.stop();
  clock.time = start + 5.5 * hourMs;
  const { runs, advance } = timerWorld({ ...hourly, runOnStartup: true }, memory, clock);
  await advance(hourMs);
  assert.deepEqual(
    runs.map(({ at, IsPastDue }) => [at, IsPastDue]),
    [
      ['2030-01-01T05:30:00.000Z', true],
      ['2030-01-01T06:00:00.000Z', false],
    ],
  );
  assert.equal(runs[0]?.ScheduleStatus?.Next, '2030-01-01T02:00:00.000Z');
});

test('a run that the end of the host cut off is past due for the next one', async () => {
  const [memory, clock] = [new Map<string, TimerStatus>(), new VirtualClock()];
  const first = timerWorld(hourly, memory, clock, 1000);
  await first.advance(hourMs);
  first.state.lost = true;
  first.timers.stop();
  await first.advance(1000);
  const { runs } = timerWorld(hourly, memory, clock);
  await settle();
  assert.deepEqual(
    runs.map(({ IsPastDue }) => IsPastDue),
    [true],
  );
});

test('an occurrence during a run is made up for when the run has ended, once', async () => {
  const { runs, advance } = timerWorld(hourly, new Map(), new VirtualClock(), 2.5 * hourMs);
  await advance(4 * hourMs);
  assert.deepEqual(
    runs.map(({ at }) => at.slice(11, 16)),
    ['01:00', '03:30'],
  );
});

test('a schedule that was changed begins anew', async () => {
  const [memory, clock] = [new Map<string, TimerStatus>(), new VirtualClock()];
  const first = timerWorld(hourly, memory, clock);
  await first.advance(hourMs);
  first.timers.stop();
  clock.time = start + 10 * hourMs;
  const { runs } = timerWorld({ schedule: '0 30 * * * *' }, memory, clock);
  await settle();
  assert.deepEqual(runs, []);
  assert.equal(memory.get('tick')?.next, start + 10.5 * hourMs);
});

for (const [name, trigger] of [
  ['useMonitor is false', { ...hourly, useMonitor: false }],
  ['it fires more than once a minute', { schedule: '*/20 * * * * *' }],
] as const) {
  test(`nothing is remembered when ${name}`, async () => {
    const [memory, clock] = [new Map<string, TimerStatus>(), new VirtualClock()];
    const { runs, advance } = timerWorld(trigger, memory, clock);
    await advance(hourMs);
    assert.ok(runs.length > 0);
    assert.deepEqual([memory.size, runs[0]?.ScheduleStatus], [0, undefined]);
  });
}

test('runOnStartup fires at once and counts as the last run; a run by hand counts as nothing', async () => {
  const [memory, clock] = [new Map<string, TimerStatus>(), new VirtualClock()];
  clock.time = start + 1000;
  const { runs, timers } = timerWorld({ ...hourly, runOnStartup: true }, memory, clock);
  await settle();
  assert.deepEqual([runs.length, memory.get('tick')?.last], [1, start + 1000]);
  assert.equal(timers.runNow('TICK'), true);
  assert.equal(timers.runNow('tock'), false);
  await settle();
  assert.deepEqual([runs.length, memory.get('tick')?.last], [2, start + 1000]);
});

test('a schedule without another occurrence does not fire', async () => {
  const { runs, advance } = timerWorld({ schedule: '0 0 0 30 2 *' }, new Map(), new VirtualClock());
  await advance(100 * hourMs);
  assert.deepEqual(runs, []);
});

for (const [schedule, monitored] of [
  ['* * * * * *', false],
  ['*/30 * * * * *', false],
  ['0 * * * * *', true],
  ['0,10 0 12 * * *', true],
  ['00:00:59', true],
  ['00:00:30', false],
] as const) {
  test(`${schedule} is ${monitored ? '' : 'not '}monitored`, () =>
    assert.equal(isMonitored(parseSchedule(schedule), true, start), monitored));
}
