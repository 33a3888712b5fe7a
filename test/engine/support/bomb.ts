/** Splits one small file that unpacks to much, in a process of its own: `node bomb.ts SOURCE PIPELINE` prints how it ended. */
import { z } from 'zod';
import { OrdinalError } from '../../../src/errors.ts';
import { encodeDictionaryChunk, encodePlain } from '../../../src/parquet/encode.ts';
import type { ColumnType, EncodedChunk } from '../../../src/parquet/types.ts';
import { compile } from '../../../src/pipeline/compile.ts';
import { fileOf, footerOf } from '../../parquet/support/files.ts';
import { Engine } from './drive.ts';
import { poolValues } from './sources.ts';

type Words = Record<'rows' | 'keyed' | 'id' | 'ref' | 'where' | 'first', (...args: unknown[]) => unknown>;

const [, , source, shape] = process.argv;
const text: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };
const int32: ColumnType = { physical: 'INT32' };
const rows = 600;
const megabyte = 1 << 20;

/** `rows` pages of one value of a megabyte each, all of them the same bytes of this process. */
function chunkOfPages(stated: number): EncodedChunk {
  const one = encodePlain(text, false, poolValues(text, ['a'.repeat(megabyte)]), undefined, 'ZSTD');
  const { meta, parts } = one;
  return {
    parts: Array.from({ length: rows }, () => parts).flat(),
    meta: {
      ...meta,
      numValues: rows,
      length: meta.length * rows,
      uncompressedLength: stated,
      statistics: { nullCount: 0 },
    },
  };
}

function file(): Uint8Array {
  const data = Int32Array.from({ length: rows }, (_, i) => i);
  const numbers = encodePlain(int32, false, { kind: 'int32', length: rows, data }, undefined, 'SNAPPY');
  const groups = source === 'groups' ? 3 : 1;
  const pool = poolValues(text, ['b'.repeat(megabyte), 'c'.repeat(megabyte)]);
  const chunk =
    source === 'groups'
      ? encodeDictionaryChunk(
          pool,
          Int32Array.from({ length: rows }, (_, i) => i % 2),
          text,
          false,
          'ZSTD',
        )
      : chunkOfPages(source === 'liar' ? 1000 : rows * (megabyte + 4));
  return fileOf([
    { name: 'a', type: text, optional: false, chunks: Array(groups).fill(chunk) },
    { name: 'n', type: int32, optional: false, chunks: Array(groups).fill(numbers) },
  ]);
}

const definition = compile({
  name: 'p',
  source: { container: 'landing', prefix: 'in/' },
  row: z.object({ a: shape === 'trim' ? z.string().trim() : z.string(), n: z.int() }),
  entities: ({ id, ref, where, first }: Words) => {
    if (shape === 'key') {
      const key = { a: 'a' };
      return {
        k: { kind: 'keyed', id: id('k_id'), key },
        all: { kind: 'rows', id: id('row_id'), columns: { k: ref('k', key) } },
      };
    }
    if (shape === 'first')
      return { all: { kind: 'keyed', id: id('k_id'), key: { n: 'n' }, columns: { a: first('a') } } };
    const passes = where(['a'], (a: string) => a.length > 0 && a[0] !== 'b');
    return {
      all: { kind: 'rows', id: id('row_id'), columns: { a: 'a' }, ...(shape === 'where' && { where: passes }) },
    };
  },
} as never);

const engine = new Engine(definition);
await engine.upload('in/x.parquet', file());
const ended = await engine.run('r').then(
  () => ({ published: engine.published('all').reduce((sum, { bytes }) => sum + footerOf(bytes).rows, 0) }),
  (thrown: unknown) => {
    if (!(thrown instanceof OrdinalError)) throw thrown;
    return thrown.toValue();
  },
);
console.log(JSON.stringify({ ...ended, rssMib: process.resourceUsage().maxRSS / 1024 }));
