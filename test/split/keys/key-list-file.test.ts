/** A key list reads as it was written, wherever its bytes lie, and one that was cut off or is something else is refused. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { TableColumn } from '../../../src/parquet/table.ts';
import { type KeyListColumn, readKeyList, writeKeyList } from '../../../src/split/keys/key-list-file.ts';

const text = Buffer.from('.aéb');
const columns: TableColumn[] = [
  {
    name: 'key_0',
    type: { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } },
    // Part of a larger arena, as keys of a table are.
    values: { kind: 'bytes', length: 3, data: text, offsets: Uint32Array.of(1, 2, 4, 5) },
    valid: undefined,
  },
  {
    name: 'value_date',
    type: { physical: 'INT32', annotation: { kind: 'date' } },
    values: { kind: 'int32', length: 3, data: Int32Array.of(-1, 0, 2 ** 31 - 1) },
    valid: Uint8Array.of(1, 0, 1),
  },
  {
    name: 'value_long',
    type: { physical: 'INT64' },
    values: { kind: 'int64', length: 3, data: BigInt64Array.of(-(2n ** 63n), 0n, 2n ** 63n - 1n) },
    valid: undefined,
  },
  {
    name: 'value_float',
    type: { physical: 'FLOAT' },
    values: { kind: 'float', length: 3, data: Float32Array.of(0.5, -0, Number.NaN) },
    valid: undefined,
  },
  {
    name: 'value_double',
    type: { physical: 'DOUBLE' },
    values: { kind: 'double', length: 3, data: Float64Array.of(0.1, -0, Number.NaN) },
    valid: undefined,
  },
  {
    name: 'value_uuid',
    type: { physical: 'FIXED_LEN_BYTE_ARRAY', typeLength: 2 },
    values: { kind: 'fixed', length: 3, data: Uint8Array.of(1, 2, 3, 4, 5, 6), width: 2 },
    valid: undefined,
  },
  {
    name: 'described',
    type: { physical: 'BOOLEAN' },
    values: { kind: 'boolean', length: 3, data: Uint8Array.of(1, 0, 1) },
    valid: undefined,
  },
];

test('what was written is read, at every alignment', () => {
  const bytes = writeKeyList(columns, 3);
  for (let shift = 0; shift < 8; shift++) {
    const moved = new Uint8Array(bytes.length + shift);
    moved.set(bytes, shift);
    const list = readKeyList(moved.subarray(shift), 'list');
    assert.deepEqual(
      list.columns.map(({ name, type }) => ({ name, type })),
      columns.map(({ name, type }) => ({ name, type })),
    );
    const [key, ...others] = list.columns;
    assert.ok(key?.values.kind === 'bytes');
    assert.equal(Buffer.from(key.values.data).toString(), 'aéb');
    assert.deepEqual([...key.values.offsets], [0, 1, 3, 4]);
    for (const [c, { values, valid }] of others.entries()) {
      const { values: wanted, valid: bits } = columns[c + 1]!;
      assert.deepEqual([...values.data], [...wanted.data]);
      assert.deepEqual(valid && [...valid], bits && [...bits]);
    }
  }
});

test('one that was cut off anywhere is refused by name', () => {
  const bytes = writeKeyList(columns, 3);
  // The last part is padded to eight bytes.
  for (let length = 0; length < bytes.length - 5; length++) {
    assert.throws(() => readKeyList(bytes.slice(0, length), 'runs/a/list'), {
      code: 'CorruptFile',
      where: { blob: 'runs/a/list' },
    });
  }
});

test('lengths of more than there is, and bytes of another kind, are refused', () => {
  // The lengths are the last part: three bytes of each plane, and four of padding.
  const bytes = writeKeyList(columns.slice(0, 1), 3);
  const at = bytes.length - 16;
  assert.deepEqual([...bytes.subarray(at)], [1, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  for (const [place, value] of [
    [0, 2],
    [3, 1],
    // Lengths whose sum is right only in 32 bits.
    [11, 255],
  ] as const) {
    const wrong = bytes.slice();
    wrong[at + place] = value;
    assert.throws(() => readKeyList(wrong, 'list'), { code: 'CorruptFile' });
  }
  assert.throws(() => readKeyList(Buffer.from('PAR1 and more'), 'list'), { code: 'CorruptFile' });
});

test('a column in dictionary form comes back with its dictionary, whatever a code takes', () => {
  for (const entries of [1, 254, 255, 65_534, 65_535]) {
    const words = Array.from({ length: entries }, (_, i) => `w${i}`);
    const data = Buffer.from(words.join(''));
    const offsets = new Uint32Array(entries + 1);
    for (const [i, word] of words.entries()) offsets[i + 1] = offsets[i]! + word.length;
    const indices = Int32Array.of(entries - 1, -1, 0);
    const column: KeyListColumn = {
      name: 'value_word',
      type: { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } },
      values: { kind: 'bytes', length: entries, data, offsets },
      valid: undefined,
      indices,
    };
    const bytes = writeKeyList([columns[0]!, column, columns[6]!], 3);
    const list = readKeyList(bytes, 'list');
    const [, found, last] = list.columns;
    assert.ok(found?.values.kind === 'bytes' && last?.values.kind === 'boolean');
    assert.deepEqual([...found.indices!], [...indices]);
    assert.deepEqual(Buffer.from(found.values.data), data);
    assert.deepEqual(found.values.offsets, offsets);
    assert.deepEqual([...last.values.data], [1, 0, 1]);
  }
});

test('a code of no entry is refused', () => {
  const column: KeyListColumn = { ...columns[0]!, name: 'value_word', indices: Int32Array.of(0, 2, 3) };
  assert.throws(() => readKeyList(writeKeyList([column], 3), 'list'), { code: 'CorruptFile' });
});
