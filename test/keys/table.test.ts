/** Key tables: ordinals in first-seen order, whether keys come in order, out of order, or begin to. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { hashKey } from '../../src/keys/hash-key.ts';
import { type KeyBlock, KeyTable } from '../../src/keys/table.ts';
import { underLimits } from '../support/limits.ts';

const utf8 = new TextEncoder();

/** Few distinct keys, many of them prefixes of others, and bytes above 127. */
const key = fc.oneof(
  fc.stringMatching(/^[ab]{0,9}$/),
  fc.integer({ min: 0, max: 40 }).map((n) => `SO-${String(n).padStart(7, '0')}`),
  fc.constantFrom('', 'é', 'éé', '\u{10ffff}', 'z'.repeat(200), `${'z'.repeat(199)}y`),
);

/** Keys in order, then some as they come: documents with numbers, and then an old one once more. */
const keys = fc
  .tuple(fc.array(key, { maxLength: 60 }), fc.array(key, { maxLength: 700 }), fc.boolean())
  .map(([sorted, rest, descending]) => {
    const first = sorted.map((text) => Buffer.from(text)).sort(Buffer.compare);
    return [...(descending ? first.reverse() : first), ...rest.map((text) => Buffer.from(text))];
  });

/** Keys that memory is taken for, and bytes of each. */
const sizes = fc.tuple(fc.integer({ min: 0, max: 40 }), fc.constantFrom(0, 0.1, 1, 16));

function blockOf(list: readonly Buffer[]): KeyBlock {
  const ends = new Uint32Array(list.length);
  for (const [k, { length }] of list.entries()) ends[k] = (ends[k - 1] ?? 0) + length;
  const starts = ends.map((end, k) => end - list[k]!.length);
  return { bytes: Buffer.concat(list), starts, ends, count: list.length };
}

test('a table gives what a map gives', () => {
  fc.assert(
    fc.property(fc.array(keys, { minLength: 1, maxLength: 3 }), sizes, (rounds, [expected, keyBytes]) => {
      // Memory for fewer bytes than there are, or for none at all.
      const table = new KeyTable(expected, keyBytes);
      const copied = new KeyTable();
      for (const list of rounds) {
        // A table that was cleared is as good as a new one.
        table.clear();
        copied.clear();
        const known = new Map<string, number>();
        // Some one by one, the others at once.
        const single = list.slice(0, Math.floor(list.length / 2));
        for (const bytes of single) {
          const text = bytes.toString('hex');
          const ordinal = known.get(text) ?? known.size;
          known.set(text, ordinal);
          // As a part of something larger, as keys are.
          const padded = Buffer.concat([Buffer.of(7, 7, 7), bytes, Buffer.of(9)]);
          assert.equal(table.intern(padded, 3, 3 + bytes.length), ordinal);
        }
        const many = list.slice(single.length);
        for (const bytes of many) if (!known.has(bytes.toString('hex'))) known.set(bytes.toString('hex'), known.size);
        const out = new Int32Array(many.length + 3);
        table.internMany(blockOf(many), out);
        assert.deepEqual(
          [...out.subarray(0, many.length)],
          many.map((bytes) => known.get(bytes.toString('hex'))),
        );
        assert.equal(table.size, known.size);
        for (const [text, ordinal] of known) {
          assert.equal(Buffer.from(table.at(ordinal)).toString('hex'), text);
          assert.equal(table.hashAt(ordinal), hashKey(table.at(ordinal), 0, table.at(ordinal).length));
        }
        const from = Math.floor(table.size / 3);
        const { length, data, offsets } = table.values(from);
        assert.deepEqual(
          Array.from({ length }, (_, k) => Buffer.from(data.subarray(offsets[k], offsets[k + 1])).toString('hex')),
          [...known.keys()].slice(from),
        );
        assert.equal(offsets.length, length + 1);
        for (const ordinal of known.values()) assert.equal(copied.internFrom(table, ordinal), ordinal);
        for (const [text, ordinal] of known) assert.equal(copied.intern(Buffer.from(text, 'hex')), ordinal);
        assert.equal(copied.intern(utf8.encode('not there')), known.size);
        // Without a look-up, and looked up after all.
        const appended = new KeyTable();
        for (const ordinal of known.values()) assert.equal(appended.appendFrom(table, ordinal), ordinal);
        for (const [text, ordinal] of known) assert.equal(appended.intern(Buffer.from(text, 'hex')), ordinal);
        const [unknown, block] = [
          utf8.encode('not there'),
          blockOf([...known.keys()].map((text) => Buffer.from(text, 'hex'))),
        ];
        assert.equal(appended.intern(unknown), known.size);
        const later = new KeyTable();
        for (const ordinal of known.values()) later.appendFrom(table, ordinal);
        const found = new Int32Array(known.size);
        later.internMany(block, found);
        assert.deepEqual([...found, later.size], [...known.values(), known.size]);
        // All at once, in another order and some twice.
        const order = Int32Array.from([...known.values(), ...known.values()].sort((a, b) => (a % 5) - (b % 5)));
        const taken = new Int32Array(order.length);
        copied.clear();
        copied.internManyFrom(table, order, order.length, taken);
        assert.equal(copied.size, known.size);
        assert.deepEqual(
          Array.from(taken, (ordinal) => Buffer.from(copied.at(ordinal)).toString('hex')),
          Array.from(order, (ordinal) => Buffer.from(table.at(ordinal)).toString('hex')),
        );
        assert.deepEqual(
          [...new Set(taken)],
          Array.from(known.values(), (_, i) => i),
          'in first-seen order',
        );
      }
    }),
    { numRuns: 300 },
  );
});

test('a table takes nothing from what another has looked up ahead', () => {
  const block = (...texts: string[]) => blockOf(texts.map((text) => Buffer.from(text)));
  const out = new Int32Array(3);
  const other = new KeyTable();
  for (let twice = 0; twice < 2; twice++) other.internMany(block('k2', 'k1', 'k0'), out);
  const table = new KeyTable();
  table.internMany(block('k0', 'k1', 'k2'), out);
  table.clear();
  // Out of order in the midst of a block, and where the table's memory still holds the key.
  table.internMany(block('zz', 'yy', 'k2'), out);
  assert.deepEqual([...out, table.size], [0, 1, 2, 3]);
});

test('order is by bytes, as unsigned numbers, and not by text', () => {
  const table = new KeyTable();
  const list = ['zz', 'é', '\u{ffff}', '\u{10000}', '\u{10000}0'].map((text) => utf8.encode(text));
  for (const [i, bytes] of list.entries()) assert.equal(table.intern(bytes), i);
  for (const [i, bytes] of list.entries()) assert.equal(table.intern(bytes), i);
});

test('a table takes as many bytes of keys as it can count, and refuses more', async () => {
  await underLimits({ keyTableBytesMax: 20 }, async () => {
    const table = new KeyTable();
    const [eight, twelve] = [new Uint8Array(8), new Uint8Array(12).fill(1)];
    assert.deepEqual([table.intern(eight), table.intern(twelve), table.byteLength], [0, 1, 20]);
    assert.throws(() => table.intern(Uint8Array.of(2)), { code: 'LimitExceeded', message: /more than 20 bytes/ });
    assert.equal(table.intern(twelve), 1);
  });
});
