/** Keys as bytes: columns of any kind, alone or several, come back as they were, and equal values are one key. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { keysToValues, keyWriter } from '../../src/keys/encode.ts';
import { KeyTable } from '../../src/keys/table.ts';
import { builder } from '../../src/parquet/logical.ts';
import type { ColumnType, Values } from '../../src/parquet/types.ts';

/** A kind of column, values of it, and how a value comes back. */
interface Kind {
  type: ColumnType;
  value: fc.Arbitrary<unknown>;
}
const bytes = (length: { minLength?: number; maxLength: number }) => fc.uint8Array(length);
const kinds: Kind[] = [
  { type: { physical: 'BOOLEAN' }, value: fc.boolean() },
  { type: { physical: 'INT32' }, value: fc.constantFrom(0, 1, -1, 2 ** 31 - 1, -(2 ** 31)) },
  {
    type: { physical: 'INT32', annotation: { kind: 'int', bitWidth: 32, signed: false } },
    value: fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 1),
  },
  { type: { physical: 'INT64' }, value: fc.constantFrom(0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n)) },
  { type: { physical: 'FLOAT' }, value: fc.constantFrom(0, 1.5, -2.25, Number.NaN, Number.POSITIVE_INFINITY) },
  { type: { physical: 'DOUBLE' }, value: fc.constantFrom(0, 0.1, -1e300, Number.NaN) },
  { type: { physical: 'FIXED_LEN_BYTE_ARRAY', typeLength: 3 }, value: bytes({ minLength: 3, maxLength: 3 }) },
  {
    type: { physical: 'BYTE_ARRAY' },
    value: fc.oneof(bytes({ maxLength: 4 }), bytes({ minLength: 250, maxLength: 600 })),
  },
];

/** A column's values, one by one, as text. */
function shown(values: Values): string[] {
  return Array.from({ length: values.length }, (_, i) => {
    if (values.kind === 'bytes')
      return Buffer.from(values.data.subarray(values.offsets[i], values.offsets[i + 1])).toString('hex');
    if (values.kind === 'fixed')
      return Buffer.from(values.data.subarray(i * values.width, (i + 1) * values.width)).toString('hex');
    return String(values.data[i]);
  });
}

function columnOf({ type }: Kind, values: readonly unknown[]): Values {
  const build = builder(type);
  for (const value of values) build.push(value);
  return build.finish().values;
}

const rows = fc
  .array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 4 })
  .chain((of) => fc.tuple(fc.constant(of), fc.array(fc.tuple(...of.map(({ value }) => value)), { maxLength: 12 })));

test('keys of any columns come back, each distinct one once, in first-seen order', () => {
  fc.assert(
    fc.property(rows, fc.nat(3), ([of, values], from) => {
      const columns = of.map((kind, c) =>
        columnOf(
          kind,
          values.map((row) => row[c]),
        ),
      );
      const writer = keyWriter(of.map(({ type }, c) => ({ type, values: columns[c]! })));
      const table = new KeyTable();
      const texts = values.map((_, row) => JSON.stringify(columns.map((column) => shown(column)[row])));
      const known: string[] = [];
      for (const [row, text] of texts.entries()) {
        writer.write(of.map(() => row));
        const ordinal = table.intern(writer.bytes, writer.start, writer.end);
        if (!known.includes(text)) known.push(text);
        assert.equal(ordinal, known.indexOf(text), text);
      }
      const start = Math.min(from, known.length);
      const back = keysToValues(
        table,
        of.map(({ type }) => type),
        start,
      );
      const lists = back.map(shown);
      const found = Array.from({ length: known.length - start }, (_, k) =>
        JSON.stringify(lists.map((list) => list[k])),
      );
      assert.deepEqual(found, known.slice(start));
    }),
    { numRuns: 150 },
  );
});

test('zero has one sign, all that is no number is one key, and an unsigned integer is not negative', () => {
  const keyOf = (type: ColumnType, values: Values) => {
    const writer = keyWriter([{ type, values }]);
    return Array.from({ length: values.length }, (_, i) => {
      writer.write([i]);
      return Buffer.from(writer.bytes.subarray(writer.start, writer.end)).toString('hex');
    });
  };
  const odd = new Float64Array(new BigUint64Array([0x7ff8_0000_0000_0001n, 0xfff8_0000_0000_0000n]).buffer);
  const data = Float64Array.of(0, -0, odd[0]!, odd[1]!);
  const [zero, minus, nan, other] = keyOf({ physical: 'DOUBLE' }, { kind: 'double', length: 4, data });
  assert.deepEqual([minus, other], [zero, nan]);
  const ones = { kind: 'int32', length: 1, data: Int32Array.of(-1) } as const;
  assert.deepEqual(keyOf({ physical: 'INT32' }, ones), ['ffffffffffffffff']);
  const unsigned = { kind: 'int', bitWidth: 32, signed: false } as const;
  assert.deepEqual(keyOf({ physical: 'INT32', annotation: unsigned }, ones), ['ffffffff00000000']);
  assert.throws(() => keysToValues(new KeyTable(), [{ physical: 'INT96' }]), { code: 'ColumnTypeMismatch' });
});
