/** Examples compile, and what docstrings lack is found. `npm run check` looks for that in the sources themselves. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';
import { missingDocstrings } from '../../tools/api/docstrings.ts';
import { examplesOf, problemsOf } from '../../tools/api/examples.ts';
import { checksInstalled } from '../../tools/peers.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe.skipIf(!checksInstalled)('docstrings', () => {
  it('are missed where they say less', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'ordinal-docstrings-'));
    try {
      await symlink(path.join(root, 'tsconfig.json'), path.join(folder, 'tsconfig.json'));
      await mkdir(path.join(folder, 'src/keys'), { recursive: true });
      const text = `
declare class OrdinalError extends Error { constructor(code: string, message: string); }
interface Store {
  /**
   * Reads.
   * @throws \`StorageFailed\` when it is away
   */
  read(): string;
}
function guarded<T>(decode: () => T): T { return decode(); }
function refuse(): never { throw new OrdinalError('InvalidPipeline', 'no'); }
export function bare(): void {}
/** Says nothing of its parameter. */
export function one(a: number): number { return a; }
/**
 * @param a a number
 * @returns the same
 */
export function two(a: number): number { if (a > 1) refuse(); return a; }
/** @param store where to read */
export const three = (store: Store): void => { store.read(); };
/** What throws is caught. */
export function four(): void { try { refuse(); } catch {} }
/** What is guarded is no RangeError any more. */
export function five(): void { guarded(() => { throw new RangeError('x'); }); }
/** Nobody catches this one. */
export function six(): void { throw new RangeError('x'); }
/** @returns an error, which the caller throws */
export function seven(): OrdinalError { return new OrdinalError('CorruptFile', 'x'); }
export class Eight {
  /** Throws. */
  method(): void { throw seven(); }
}
`;
      await writeFile(path.join(folder, 'src/keys/a.ts'), text);
      assert.deepEqual(
        missingDocstrings(folder).map((line) => line.replace(/^.*:\d+ /, '')),
        [
          'bare: a docstring',
          'one: @param a, @returns',
          'two: @throws `InvalidPipeline`',
          'three: @throws `StorageFailed`',
          'six: @throws `RangeError`',
          'Eight.method: @throws `CorruptFile`',
        ],
      );
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe.skipIf(!checksInstalled)('examples', () => {
  const examples = examplesOf(root, 'src/pipeline');

  it('are there for everything that the author of a pipeline calls', () => {
    const words = 'id nextId first map compute constant sourceFile sourceRow ref rowRef where'.split(' ');
    const called = ['pipeline', 'type', 'decimal', 'timestampIn', 'registerPipelines', 'shared', 'sharedIndex'];
    called.push('RowsLiteral.when', 'KeyedLiteral.index', 'SharedLiteral.entity');
    const wanted = [...called, ...words.map((word) => `Builder.${word}`)];
    assert.deepEqual(
      wanted.filter((name) => !examples.some((example) => example.name === name)),
      [],
    );
  });

  it('compile, and would not if they were wrong', () => {
    const wrong = examples
      .map((example) => ({
        ...example,
        name: `wrong ${example.name}`,
        place: `wrong ${example.place}`,
        code: example.code.replaceAll(/'(sold_at|email|price|kind)'/g, "'nothing'"),
      }))
      .filter(({ code }, at) => code !== examples[at]!.code);
    // In one go, for most of the time goes into the types of the words themselves.
    const all = problemsOf(root, [...examples, ...wrong]);
    assert.deepEqual(
      all.filter((line) => !line.startsWith('wrong ')),
      [],
    );
    const told = all.filter((line) => line.startsWith('wrong '));
    for (const name of ['pipeline', 'KeyedLiteral.key', 'Builder.map', 'Builder.where', 'Builder.first']) {
      assert.ok(
        told.some((line) => line.includes(` ${name}: `)),
        name,
      );
    }
  });
});
