/** Which errors set a file aside, and how many files may be. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { checkBadFiles, setAsideFor } from '../../src/documents/bad-files.ts';
import { type ErrorCode, OrdinalError } from '../../src/errors.ts';
import { limits } from '../../src/limits.ts';
import type { CompiledPipeline } from '../../src/pipeline/compiled.ts';

const setsAside = (share: number) => ({ name: 'p', badFiles: { share } }) as unknown as CompiledPipeline;
const fails = { name: 'p' } as unknown as CompiledPipeline;

test('a file is set aside for what is its own, and for nothing that may pass', () => {
  const thrown = (code: ErrorCode) => new OrdinalError(code, `${code} is why`);
  for (const code of ['NotParquet', 'TruncatedFile', 'CorruptFile', 'UnsupportedFile', 'MissingColumn'] as const)
    assert.deepEqual(setAsideFor(setsAside(1), thrown(code)), { code, reason: `${code} is why` });
  for (const code of ['NestedColumn', 'InvalidFolder', 'ColumnTypeMismatch'] as const)
    assert.equal(setAsideFor(setsAside(1), thrown(code))?.code, code);
  for (const code of ['StorageFailed', 'StorageConflict', 'SourceChanged', 'LimitExceeded', 'Internal'] as const)
    assert.equal(setAsideFor(setsAside(1), thrown(code)), undefined);
  assert.equal(setAsideFor(setsAside(1), new Error('CorruptFile')), undefined);
  assert.equal(setAsideFor(fails, thrown('CorruptFile')), undefined, 'a pipeline that says nothing fails');
  const long = new OrdinalError('CorruptFile', 'x'.repeat(limits.badFileReasonMax + 1));
  assert.equal(setAsideFor(setsAside(1), long)!.reason.length, limits.badFileReasonMax);
});

test('as many files may be set aside as the pipeline allows, and no more', () => {
  const bad = (count: number) => Array.from({ length: count }, (_, i) => ({ blob: `b${i}`, code: 'C', reason: 'r' }));
  checkBadFiles(setsAside(0.25), bad(2), 8);
  checkBadFiles(fails, [], 8);
  const tooMany = (pipeline: CompiledPipeline, count: number, files: number) => {
    try {
      checkBadFiles(pipeline, bad(count), files);
    } catch (thrown) {
      assert.ok(thrown instanceof OrdinalError && thrown.code === 'TooManyBadFiles');
      assert.deepEqual(thrown.where, { pipeline: 'p', blob: 'b0' });
      return thrown.message;
    }
    return assert.fail('it is refused');
  };
  assert.match(tooMany(setsAside(0.25), 3, 11), /^3 of 11 files cannot be used, and 2 may be set aside; .* C: r$/);
  assert.match(tooMany(fails, 1, 8), /and 0 may be set aside/);
  const most = limits.badFilesMax;
  checkBadFiles(setsAside(1), bad(most), most + 5);
  assert.match(tooMany(setsAside(1), most + 1, most + 5), new RegExp(`and ${most} may be set aside`));
});
