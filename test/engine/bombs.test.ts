/**
 * Small files that unpack to much: compressed to next to nothing, they hold megabytes of text in every row. What passes
 * through is cut or copied; what would take memory out of proportion is refused by name, before the memory is taken. The
 * split runs in a process of its own, whose peak is looked at.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'vitest';

/** Resident MiB above an empty run: the limit of a column's bytes, decoded and encoded again, and what V8 has not freed. */
const peakMibMax = 2048;

interface Ended {
  published?: number;
  code?: string;
  where?: { blob?: string; rowGroup?: number; column?: string };
  message?: string;
  rssMib: number;
}

const script = new URL('./support/bomb.ts', import.meta.url).pathname;

function split(source: string, pipeline: string): Ended {
  const out = execFileSync(process.execPath, [script, source, pipeline], { encoding: 'utf8' });
  const ended = JSON.parse(out) as Ended;
  assert.ok(ended.rssMib < peakMibMax, `${source}, ${pipeline}: ${ended.rssMib} MiB`);
  return ended;
}

test.each(['where', 'trim'])('six hundred rows of a megabyte, 60 KB in ZSTD, are split: %s', (pipeline) => {
  assert.equal(split('rows', pipeline).published, 600);
});

test('as keys they are refused: a key has a limit', () => {
  const { code, where, message } = split('rows', 'key');
  assert.deepEqual([code, where], ['LimitExceeded', { blob: 'in/x.parquet', rowGroup: 0, row: 0, column: 'a' }]);
  assert.match(message!, /A key of "k" has 1048576 bytes; the limit is 65536/);
});

test('as attributes of keys they are refused where a batch holds too many', () => {
  const { code, where } = split('rows', 'first');
  assert.deepEqual([code, where], ['LimitExceeded', { blob: 'in/x.parquet', rowGroup: 0, column: 'a' }]);
});

test.each(['pass', 'trim'])(
  'dictionaries that small row groups repeat are merged, not spread over their rows: %s',
  (pipeline) => {
    assert.equal(split('groups', pipeline).published, 3 * 600);
  },
);

test('a footer that states less than its pages hold does not get round it', () => {
  const { code, where } = split('liar', 'where');
  assert.deepEqual([code, where], ['LimitExceeded', { blob: 'in/x.parquet', rowGroup: 0, column: 'a' }]);
});
