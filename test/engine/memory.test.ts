/**
 * Memory is bounded by the row group and not by the file: what is alive, after a full collection, when rows are looked at
 * and when a block is staged, is the same for eight times the row groups. (How row groups that are too large are
 * cut is in `test/source/units.test.ts`.) Resident memory is higher, by what the collector has not got to yet.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import v8 from 'node:v8';
import vm from 'node:vm';
import { afterAll, beforeAll, test } from 'vitest';
import { z } from 'zod';
import { FileStore } from '../../bench/file-store.ts';
import { encodeDictionaryChunk, encodePlain } from '../../src/parquet/encode.ts';
import type { ColumnType, EncodedChunk } from '../../src/parquet/types.ts';
import { compile } from '../../src/pipeline/compile.ts';
import { pipeline, type } from '../../src/pipeline/index.ts';
import { fileOf } from '../parquet/support/files.ts';
import type { MemoryStore } from '../support/memory-store.ts';
import { type DriveOptions, Engine } from './support/drive.ts';
import { poolValues } from './support/sources.ts';

v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc') as () => void;
let folder: string;

beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ordinal-memory-'));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

/** Bytes that are alive. Values, pages and lists are all typed arrays. */
function alive(): number {
  collect();
  return process.memoryUsage().arrayBuffers;
}

/** Blobs in files, so that none of them is in this process; looks at what is alive beside what was before. */
class Watched extends FileStore {
  peak = 0;
  readonly #before = alive();

  look(): void {
    this.peak = Math.max(this.peak, alive() - this.#before);
  }

  override async stageBlock(...block: Parameters<FileStore['stageBlock']>): Promise<void> {
    this.look();
    await super.stageBlock(...block);
  }

  override async commitBlocks(...list: Parameters<FileStore['commitBlocks']>): Promise<{ etag: string }> {
    this.look();
    return super.commitBlocks(...list);
  }
}

let store: Watched;
let rowsSeen = 0;

const definition = compile(
  pipeline({
    name: 'p',
    source: { container: 'landing', prefix: 'in/' },
    row: z.object({ key: z.string().trim(), amount: z.int() }),
    entities: ({ id, ref, map, where }) => ({
      keys: { kind: 'keyed', id: id('key_id'), key: { key: 'key' } },
      all: { kind: 'rows', id: id('row_id'), columns: { key_id: ref('keys', { key: 'key' }), amount: 'amount' } },
      some: {
        kind: 'rows',
        id: id('some_id'),
        where: where(['amount', 'key'], (amount) => {
          // In the midst of a unit, when its columns are decoded.
          if (rowsSeen++ % 50_000 === 0) store.look();
          return amount % 7 !== 0;
        }),
        columns: { amount: 'amount', half: map('amount', (amount) => amount / 2, type.float64) },
      },
    }),
  }),
);

const text: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };
const keys = poolValues(
  text,
  Array.from({ length: 500 }, (_, i) => `key ${i} `),
);

function chunksOf(rows: number): { key: EncodedChunk; amount: EncodedChunk } {
  const options = { rowsPerPage: 5000 };
  const indices = Int32Array.from({ length: rows }, (_, i) => (i * 7919) % 500);
  const amounts = Int32Array.from({ length: rows }, (_, i) => (i * 104_729) % 1_000_003);
  const numbers = { kind: 'int32', length: rows, data: amounts } as const;
  return {
    key: encodeDictionaryChunk(keys, indices, text, false, 'SNAPPY', options),
    amount: encodePlain({ physical: 'INT32' }, false, numbers, undefined, 'SNAPPY', options),
  };
}

/** MiB of typed arrays that are alive at most during a run. */
async function peakOf(groups: number, rows: number, options: DriveOptions): Promise<number> {
  store = new Watched(fs.mkdtempSync(path.join(folder, 'run-')));
  // The one thing that it lacks is `published`.
  const engine = new Engine(definition, options, store as unknown as MemoryStore);
  await engine.upload('in/x.parquet', sourceOf(groups, rows));
  await engine.run('r');
  return store.peak / (1024 * 1024);
}

function sourceOf(groups: number, rows: number): Uint8Array {
  const { key, amount } = chunksOf(rows);
  return fileOf([
    { name: 'key', type: text, optional: false, chunks: Array(groups).fill(key) },
    { name: 'amount', type: { physical: 'INT32' }, optional: false, chunks: Array(groups).fill(amount) },
  ]);
}

test('eight times the row groups take no more memory', async () => {
  const rows = 40_000;
  const few = await peakOf(2, rows, { batchRows: rows });
  const many = await peakOf(16, rows, { batchRows: rows });
  // Were decoded units kept, this would be some 20 MiB; the source itself is larger by 2.5.
  assert.ok(many < few + 8, `${many} MiB for 16 row groups, ${few} for 2`);
});
