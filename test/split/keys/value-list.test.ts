/** Values gathered piece by piece are those of the pieces, in whichever forms these come. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { builder } from '../../../src/parquet/logical.ts';
import type { Column, ColumnType } from '../../../src/parquet/types.ts';
import { bytesAt } from '../../../src/parquet/values.ts';
import { type GatheredValues, ValueList } from '../../../src/split/keys/value-list.ts';

const type: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };

interface Piece {
  form: 'plain' | 'dictionary';
  rows: (string | null)[];
}

function columnOf({ form, rows }: Piece): Column {
  const nulls = rows.filter((row) => row === null).length;
  if (form === 'plain') {
    const build = builder(type);
    for (const row of rows) {
      if (row === null) build.pushNull();
      else build.push(row);
    }
    return { form, rows: rows.length, nulls, ...build.finish() };
  }
  // An entry that no row uses, and one that is there twice.
  const words = ['unused', ...new Set(rows.filter((row) => row !== null)), ...rows.filter((row) => row !== null)];
  const build = builder(type);
  for (const word of words) build.push(word);
  const indices = Int32Array.from(rows, (row, r) => {
    if (row === null) return -1;
    return r % 2 === 0 ? words.indexOf(row) : words.lastIndexOf(row);
  });
  return { form, rows: rows.length, nulls, dictionary: build.finish().values, indices };
}

function textAt({ values, indices, valid }: GatheredValues, i: number): string | null {
  assert.ok(values.kind === 'bytes');
  const at = indices ? indices[i]! : valid?.[i] === 0 ? -1 : i;
  return at < 0 ? null : Buffer.from(bytesAt(values, at)).toString();
}

test('gathered values are the pieces’ own', () => {
  const row = fc.option(fc.constantFrom('', 'a', 'b', 'ab', 'é', 'a longer text'), { freq: 5 });
  const piece = fc.record({
    form: fc.constantFrom('plain' as const, 'dictionary' as const),
    rows: fc.array(row, { minLength: 1, maxLength: 12 }),
  });
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 4 }), fc.infiniteStream(fc.nat()), (pieces, picks) => {
      const list = new ValueList(type);
      for (const one of pieces) list.add(columnOf(one));
      const all = pieces.flatMap((one) => one.rows);
      assert.equal(list.length, all.length);
      const places = Int32Array.from({ length: 20 }, () => (picks.next().value % (all.length + 1)) - 1);
      const gathered = list.gather(places);
      assert.equal(gathered.indices !== undefined, pieces[0]!.form === 'dictionary');
      const texts = Array.from(places, (_, i) => textAt(gathered, i));
      assert.deepEqual(
        texts,
        Array.from(places, (place) => (place < 0 ? null : all[place]!)),
      );
      // Of a dictionary, nothing but what some row uses.
      if (gathered.indices) assert.equal(gathered.values.length, new Set(all.filter((text) => text !== null)).size);
    }),
    { numRuns: 400 },
  );
});
