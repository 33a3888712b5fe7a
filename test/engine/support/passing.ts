/** One column that a pipeline passes on: its file, its run, and how it is refused. */
import assert from 'node:assert/strict';
import { z } from 'zod';
import { OrdinalError } from '../../../src/errors.ts';
import { encodePlain } from '../../../src/parquet/encode.ts';
import type { ColumnType, EncodedChunk } from '../../../src/parquet/types.ts';
import { compile } from '../../../src/pipeline/compile.ts';
import { fileOf } from '../../parquet/support/files.ts';
import { Engine } from './drive.ts';

interface Settings {
  trust?: true;
  onInvalid?: 'quarantine';
  maxRejected?: number;
}

/** A pipeline: column `a` is passed on, `n` is the row's number. */
export function passing(schema: z.ZodType, settings: Settings = {}) {
  return compile({
    name: 'p',
    source: { container: 'landing', prefix: 'in/' },
    row: z.object({ a: schema, n: z.int() }),
    ...settings,
    entities: ({ id }: Record<'id', (...args: unknown[]) => unknown>) => ({
      all: { kind: 'rows', id: id('row_id'), columns: { a: 'a', n: 'n' } },
    }),
  } as never);
}

/** A file of column `a` and the rows' numbers. */
export function fileWith(type: ColumnType, optional: boolean, chunk: EncodedChunk): Uint8Array {
  const int32: ColumnType = { physical: 'INT32' };
  const { numValues } = chunk.meta;
  const data = Int32Array.from({ length: numValues }, (_, i) => i);
  const numbers = encodePlain(int32, false, { kind: 'int32', length: numValues, data }, undefined, 'SNAPPY');
  return fileOf([
    { name: 'a', type, optional, chunks: [chunk] },
    { name: 'n', type: int32, optional: false, chunks: [numbers] },
  ]);
}

export async function run(file: Uint8Array, schema: z.ZodType, settings?: Settings): Promise<Engine> {
  const engine = new Engine(passing(schema, settings));
  await engine.upload('in/0.parquet', file);
  await engine.run('r');
  return engine;
}

/** The error with which a file is refused, which names blob, row group and column. */
export async function refusal(file: Uint8Array, schema: z.ZodType, settings?: Settings): Promise<OrdinalError> {
  const thrown = await run(file, schema, settings).then(
    () => assert.fail('it went through'),
    (reason: unknown) => reason,
  );
  assert.ok(thrown instanceof OrdinalError, String(thrown));
  assert.deepEqual([thrown.where?.blob, thrown.where?.rowGroup, thrown.where?.column], ['in/0.parquet', 0, 'a']);
  return thrown;
}
