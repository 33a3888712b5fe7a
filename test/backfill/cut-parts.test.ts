/** How a listing is cut into runs. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { commonPrefix, PartCutter } from '../../src/backfill/cut-parts.ts';

type Rule = ConstructorParameters<typeof PartCutter>[0];
const rule = (more: Partial<Rule> = {}): Rule => ({ by: 'folder', bytes: 1000, files: 100, ...more });

function cut(rule: Rule, blobs: [name: string, size: number][]): string[] {
  const cutter = new PartCutter(rule, 'in/');
  for (const [blob, size] of blobs) cutter.add({ blob, size });
  return cutter.parts.map(({ first, last, files, bytes }) => `${first} ${last} ${files} ${bytes}`);
}

const tree: [string, number][] = [
  ['in/2001/01/a', 1],
  ['in/2001/01/b', 1],
  ['in/2001/02/a', 1],
  ['in/2002/01/a', 1],
  ['in/x', 1],
  ['in/y', 1],
];

describe('a source is cut', () => {
  it('by folder, of any depth', () => {
    const [jan, feb, next, top] = [
      'in/2001/01/a in/2001/01/b 2 2',
      'in/2001/02/a in/2001/02/a 1 1',
      'in/2002/01/a',
      'in/x in/y 2 2',
    ];
    assert.deepEqual(cut(rule(), tree), [jan, feb, `${next} ${next} 1 1`, top]);
    assert.deepEqual(cut(rule({ depth: 1 }), tree), ['in/2001/01/a in/2001/02/a 3 3', `${next} ${next} 1 1`, top]);
  });

  it('by size, whatever the folders are', () => {
    assert.deepEqual(cut(rule({ by: 'size', bytes: 4 }), tree), ['in/2001/01/a in/2002/01/a 4 4', 'in/x in/y 2 2']);
    assert.deepEqual(cut(rule({ by: 'size', files: 5 }), tree), ['in/2001/01/a in/x 5 5', 'in/y in/y 1 1']);
  });

  it('so that a large folder is several runs, and a blob beyond all bounds is one', () => {
    const large: [string, number][] = [
      ['in/a/1', 600],
      ['in/a/2', 600],
      ['in/a/3', 5000],
      ['in/a/4', 1],
    ];
    assert.deepEqual(cut(rule(), large), [
      'in/a/1 in/a/1 1 600',
      'in/a/2 in/a/2 1 600',
      'in/a/3 in/a/3 1 5000',
      'in/a/4 in/a/4 1 1',
    ]);
  });

  it('into parts that are all of it, in order, and overlap nowhere', () => {
    const folder = fc.array(fc.constantFrom('a', 'b', 'ü'), { maxLength: 3 }).map((parts) => parts.join('/'));
    const names = fc.uniqueArray(
      fc.tuple(folder, fc.nat(50)).map(([at, n]) => `in/${at}/${n}`),
      { maxLength: 60 },
    );
    const rules = fc.record({
      by: fc.constantFrom('folder' as const, 'size' as const),
      bytes: fc.integer({ min: 1, max: 40 }),
      files: fc.integer({ min: 1, max: 9 }),
    });
    fc.assert(
      fc.property(names, rules, (given, by) => {
        const sorted = given.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        const cutter = new PartCutter(by, 'in/');
        for (const blob of sorted) cutter.add({ blob, size: 7 });
        const { parts } = cutter;
        let at = 0;
        for (const { first, last, files, bytes } of parts) {
          assert.deepEqual([first, last], [sorted[at], sorted[at + files - 1]]);
          assert.ok(files <= by.files && (bytes <= by.bytes || files === 1));
          assert.ok(last.startsWith(commonPrefix(first, last)));
          at += files;
        }
        assert.equal(at, sorted.length);
      }),
    );
  });
});
