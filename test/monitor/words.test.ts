/**
 * The parts of the monitor page that need no browser: how it words numbers and times, its addresses, and when it asks
 * again. The page itself is tested in a browser.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatId,
  formatRate,
  formatShort,
  plural,
} from '../../src/monitor/page/format.ts';
import { leftMs, phaseMs, shareOf } from '../../src/monitor/page/pace.ts';
import { nextDelay } from '../../src/monitor/page/poll.ts';
import { href, parseRoute } from '../../src/monitor/page/route.ts';

describe('words', () => {
  it('for durations go from milliseconds to days', () => {
    const cases: [number, string][] = [
      [0, '0 ms'],
      [999, '999 ms'],
      [1_000, '1.0 s'],
      [99_949, '99.9 s'],
      [99_950, '1 min 40 s'],
      [3_599_499, '59 min 59 s'],
      [3_600_000, '1 h 00 min'],
      [172_799_000, '2 d 0 h'],
      [500_000_000, '5 d 19 h'],
    ];
    for (const [ms, words] of cases) assert.equal(formatDuration(ms), words, String(ms));
    assert.equal(formatDuration(undefined), '');
  });

  it('for counts and sizes are exact where there is room, and short where there is not', () => {
    assert.deepEqual([formatCount(1_234_567), formatCount(undefined)], ['1,234,567', '']);
    assert.deepEqual([0, 999, 1_000, 99_999, 999_999, 1_500_000_000].map(formatShort), [
      '0',
      '999',
      '1.0 k',
      '100 k',
      '1.0 M',
      '1.5 B',
    ]);
    assert.deepEqual([0, 1023, 1024, 1_048_575, 5 * 2 ** 40].map(formatBytes), [
      '0 B',
      '1023 B',
      '1.0 KiB',
      '1.0 MiB',
      '5.0 TiB',
    ]);
    assert.deepEqual([formatRate(1_000, 500), formatRate(0, 500), formatRate(5, undefined)], ['2.0 k rows/s', '', '']);
    assert.deepEqual(
      [plural(1, 'row'), plural(2_000, 'row'), plural(2, 'entity', 'entities')],
      ['1 row', '2,000 rows', '2 entities'],
    );
  });

  it('for IDs lose no digit', () => {
    assert.equal(formatId('9223372036854775807'), '9,223,372,036,854,775,807');
    assert.deepEqual([formatId('12'), formatId(null)], ['12', '']);
  });
});

describe('addresses', () => {
  it('lead back to what they were made of', () => {
    const names = ['data', 'a/b?c#d%', '../x', 'ö<script>'];
    const { segments, query } = parseRoute(href(names, { text: 'a&b=c', none: undefined, empty: '' }));
    assert.deepEqual(segments, names);
    assert.deepEqual([...query], [['text', 'a&b=c']]);
    assert.deepEqual(parseRoute('#/runs/%E0%A4%A').segments, ['runs', '%E0%A4%A']);
  });
});

describe('polling', () => {
  it('slows down while nothing changes or nobody answers, and rests after an answer that took long', () => {
    let delay = 2_000;
    const delays = Array.from({ length: 9 }, () => {
      delay = nextDelay(delay, false, false, 10);
      return delay;
    });
    assert.equal(delays[0], 3_000);
    assert.deepEqual(
      delays,
      delays.toSorted((a, b) => a - b),
    );
    assert.equal(delays.at(-1), 30_000);
    assert.equal(nextDelay(30_000, true, false, 10), 2_000);
    assert.equal(nextDelay(2_000, true, false, 5_000), 20_000);
    assert.deepEqual([nextDelay(2_000, false, true, 1), nextDelay(30_000, false, true, 1)], [4_000, 30_000]);
  });
});

describe('the pace of a run', () => {
  const at = (ms: number) => new Date(ms).toISOString();
  const run = {
    phase: 'split' as const,
    startedAt: at(0),
    rows: { done: 250, total: 1_000 },
    tasks: { done: 1, total: 4 },
    phases: [
      { phase: 'plan', at: at(0) },
      { phase: 'wait', at: at(1_000) },
      { phase: 'split', at: at(60_000) },
    ],
  };

  it('is that of the present phase: neither the plan nor a wait before it counts', () => {
    assert.equal(phaseMs(run, 70_000), 10_000);
    assert.equal(leftMs(run, 70_000), 30_000);
    assert.equal(phaseMs(run, 59_000), 0, 'clocks that differ');
  });

  it('is known of phases with several tasks, and not before one has ended, nor of a wait', () => {
    const seal = {
      ...run,
      phase: 'seal' as const,
      phases: [{ phase: 'seal', at: at(0) }],
      tasks: { done: 3, total: 4 },
    };
    assert.deepEqual([shareOf(seal), leftMs(seal, 6_000)], [{ done: 3, total: 4 }, 2_000]);
    assert.equal(leftMs({ ...seal, tasks: { done: 0, total: 4 } }, 6_000), undefined);
    assert.equal(leftMs({ ...seal, tasks: { done: 4, total: 4 } }, 6_000), undefined);
    assert.equal(shareOf({ ...seal, phase: 'publish', tasks: { done: 0, total: 1 } }), undefined);
    const { tasks: _, ...waits } = { ...seal, phase: 'wait' as const };
    assert.deepEqual([shareOf(waits), leftMs(waits, 6_000)], [undefined, undefined]);
  });
});
