/** Pipelines that a timer starts: what is a schedule, which timers there are, and what one starts. */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { z } from 'zod';
import { startScheduled, timersOf } from '../../src/arrival/schedules.ts';
import { runInputSchema } from '../../src/documents/documents.ts';
import { parseConfig } from '../../src/environment/config.ts';
import { OrdinalError } from '../../src/errors.ts';
import { pipeline, registerPipelines } from '../../src/pipeline/index.ts';
import { lastTick } from '../../src/pipeline/schedule.ts';
import { ClockedStore } from '../http/support/clocked-store.ts';
import { StandingRuns } from '../http/support/runs.ts';

const made = (name: string, schedule?: string) =>
  pipeline({
    name,
    source: { container: 'landing', prefix: `${name}/` },
    ...(schedule !== undefined && { schedule }),
    row: z.object({ delay: z.int() }),
    entities: ({ id }) => ({ lines: { kind: 'rows', id: id(`${name}_id`), columns: { delay: 'delay' } } }),
  });

function world(schedule: string | undefined, setting = '') {
  const pipelines = registerPipelines([made('flights', schedule), made('sales')]);
  const config = parseConfig({ AzureWebJobsStorage: 'x', ORDINAL_SCHEDULE: setting });
  return { store: new ClockedStore(), config, pipelines };
}

const schedulesOf = (schedule: string | undefined, setting?: string) =>
  timersOf(world(schedule, setting)).map(({ functionName, schedule: at }) => `${functionName} ${at}`);

describe('a schedule', () => {
  it('is a line of the pipeline, or what the setting says in its place', () => {
    assert.deepEqual(schedulesOf(undefined), []);
    assert.deepEqual(schedulesOf(' 0 */15 * * * * '), ['schedule-flights 0 */15 * * * *']);
    assert.deepEqual(schedulesOf('0 */15 * * * *', 'flights=never;sales=0 0 3 * * mon-fri'), [
      'schedule-sales 0 0 3 * * mon-fri',
    ]);
  });

  it('is refused when it is none, with what to do', () => {
    for (const [text, message] of [
      ['*/15 * * * *', /five fields.*Put a second in front/],
      ['0 0 3 * *  L', /"L" is no field/],
      ['@daily', /is no schedule/],
      ['0 61 * * * *', /is no schedule/],
      ['0 0 0 31 2 *', /never comes/],
    ] as const) {
      assert.throws(
        () => world(text),
        (thrown) =>
          thrown instanceof OrdinalError &&
          thrown.code === 'InvalidPipeline' &&
          message.test(`${thrown.message} ${thrown.remedy}`.replace(/'/g, '"')),
        text,
      );
      assert.throws(() => world(undefined, `sales=${text}`), { code: 'InvalidSettings' }, text);
    }
    assert.throws(() => schedulesOf(undefined, 'sails=never'), /there is no pipeline "sails"/);
    assert.throws(() => schedulesOf(undefined, 'sales'), { code: 'InvalidSettings' });
  });

  it('names the last of its times', () => {
    const at = (time: string) =>
      lastTick('0 */15 * * * *', new Date(`2026-11-29T${time}Z`))
        .toISOString()
        .slice(11, 19);
    assert.equal(at('10:15:00.000'), '10:15:00');
    assert.equal(at('10:29:59.000'), '10:15:00');
    // A timer that fires a little early means the time that it was set for.
    assert.equal(at('10:29:59.700'), '10:30:00');
  });
});

describe('a timer', () => {
  it('starts one run for each of its times, of what is new in the whole source', async () => {
    const environment = world('0 */15 * * * *');
    const [timer] = timersOf(environment);
    const runs = new StandingRuns();
    const fire = (time: string) => startScheduled({ environment, runs, now: new Date(`2026-11-29T${time}Z`) }, timer!);
    const first = await fire('10:15:00.010');
    assert.match(first.runId, /^schedule-20261129T101500Z-[0-9a-f]{8}$/);
    assert.equal(first.started, true);
    assert.deepEqual(await fire('10:15:02'), { ...first, started: false });
    assert.equal((await fire('10:30:00')).started, true);
    const { select, prefix, versions, startedBy } = runInputSchema.parse(runs.started[0]!.input);
    assert.deepEqual([select, prefix, versions], [undefined, 'flights/', undefined]);
    assert.deepEqual(startedBy, { by: 'schedule', who: '0 */15 * * * *' });
  });
});
