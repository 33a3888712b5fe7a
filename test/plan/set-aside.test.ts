/** Files that the plan sets aside because their columns contradict most others. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { FileShape, SourceFile } from '../../src/documents/source-files.ts';
import type { ColumnType } from '../../src/parquet/types.ts';
import type { CompiledPipeline } from '../../src/pipeline/compiled.ts';
import { setFilesAside } from '../../src/plan/set-aside.ts';

const int32: ColumnType = { physical: 'INT32' };
const int64: ColumnType = { physical: 'INT64' };
const text: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };

/** A pipeline of two columns, which sets this share of its files aside. */
const pipelineOf = (share?: number) =>
  ({
    name: 'p',
    contract: [{ name: 'a' }, { name: 'b' }],
    ...(share !== undefined && { badFiles: { share } }),
  }) as unknown as CompiledPipeline;
const shapeOf = (a: ColumnType, b: ColumnType, empty?: true): FileShape => ({
  columns: [
    { type: a, optional: false, ...(empty && { empty }) },
    { type: b, optional: false },
  ],
  codec: 'SNAPPY',
});
const file = (name: string, shape: FileShape, more: Partial<SourceFile> = {}): SourceFile => {
  return { blob: name, etag: `e-${name}`, size: 9, rows: 2, shape, groups: [[2, 20]], ...more };
};
test('a file whose type no type holds together with most files has no rows; wider ones stay', () => {
  const [usual, wide, odd] = [shapeOf(int32, text), shapeOf(int64, text), shapeOf(text, int32)];
  const files = [file('0', odd), file('1', usual), file('2', wide), file('3', usual), file('4', odd), file('5', usual)];
  const { files: used, badFiles } = setFilesAside(pipelineOf(0.5), files);
  const why = { code: 'ColumnTypeMismatch', reason: 'column "a" is STRING on BYTE_ARRAY here but INT32 in most files' };
  assert.deepEqual(badFiles, [
    { file: 0, ...why },
    { file: 4, ...why },
  ]);
  assert.deepEqual(used.slice(1, 4), files.slice(1, 4));
  const [first] = used;
  assert.deepEqual(
    [first!.blob, first!.etag, first!.size, first!.rows, first!.groups, first!.bad?.code],
    ['0', 'e-0', 9, 0, [], 'ColumnTypeMismatch'],
  );
  assert.ok(first!.shape.columns.length === 2 && first!.shape.columns.every(({ empty, absent }) => empty && absent));
});

test('between equally many, the first files say what most hold; what a file has none of says nothing', () => {
  const [left, right] = [shapeOf(int32, int32), shapeOf(int32, text)];
  const of = (...files: SourceFile[]) => setFilesAside(pipelineOf(0.5), files).badFiles!.map((bad) => bad.file);
  assert.deepEqual(of(file('0', left), file('1', right)), [1]);
  assert.deepEqual(of(file('0', right), file('1', left)), [1]);
  assert.deepEqual(of(file('0', left), file('1', right), file('2', right)), [0]);
  assert.deepEqual(of(file('0', shapeOf(int32, int32)), file('1', shapeOf(text, int32, true))), []);
  assert.deepEqual(of(file('0', shapeOf(text, int32, true)), file('1', shapeOf(int32, int32))), []);
});

test('files that their footers have set aside say nothing of types, and keep their own reason', () => {
  const [odd, usual] = [shapeOf(text, text), shapeOf(int32, text)];
  const bad = { code: 'CorruptFile', reason: 'no footer' };
  const files = [
    file('0', odd, { bad, rows: 0 }),
    file('1', odd, { bad, rows: 0 }),
    file('2', usual),
    file('3', usual),
  ];
  const result = setFilesAside(pipelineOf(0.5), files);
  assert.deepEqual(result, {
    files,
    badFiles: [
      { file: 0, ...bad },
      { file: 1, ...bad },
    ],
  });
  assert.throws(() => setFilesAside(pipelineOf(0.4), files), {
    code: 'TooManyBadFiles',
    where: { pipeline: 'p', blob: '0' },
  });
  // A pipeline that sets none aside leaves all to the checks that fail the run.
  assert.deepEqual(setFilesAside(pipelineOf(), files), { files });
});

test('a shape that is odd in one column says nothing of the next ones', () => {
  const shapes = [shapeOf(int32, int32), shapeOf(int32, int32), shapeOf(text, text), shapeOf(int32, text)];
  const files = shapes.map((shape, f) => file(`${f}`, shape));
  const { badFiles } = setFilesAside(pipelineOf(0.5), files);
  assert.deepEqual(
    badFiles!.map(({ file: f, reason }) => [f, reason.slice(0, 10)]),
    [
      [2, 'column "a"'],
      [3, 'column "b"'],
    ],
  );
});

test('what most files hold is counted over all shapes that have a type for it', () => {
  // Six files with numbers, in three shapes of two each: none of them is as frequent as the one with text.
  const shapes = [shapeOf(text, int32), shapeOf(int32, int32), shapeOf(int32, int32), shapeOf(int64, int32)];
  const files = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3].map((shape, f) => file(`${f}`, shapes[shape]!));
  const { badFiles } = setFilesAside(pipelineOf(0.5), files);
  assert.deepEqual(
    badFiles!.map(({ file: f, reason }) => [f, reason]),
    [0, 1, 2, 3].map((f) => [f, 'column "a" is STRING on BYTE_ARRAY here but INT32 in most files']),
  );
});
