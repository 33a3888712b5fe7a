/** Random columns of every type from a seed, so that a failure is repeated by its numbers. */

import { BytesBuilder } from '../../../src/parquet/bytes-builder.ts';
import type { ColumnType, Values } from '../../../src/parquet/types.ts';
import { allocate, bytesOf } from '../../../src/parquet/values.ts';

/** Mulberry32: numbers in [0, 1). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One of each physical type and annotation that matters to encoding or to statistics. */
export const everyType: Record<string, ColumnType> = {
  boolean: { physical: 'BOOLEAN' },
  int32: { physical: 'INT32' },
  uint32: { physical: 'INT32', annotation: { kind: 'int', bitWidth: 32, signed: false } },
  int8: { physical: 'INT32', annotation: { kind: 'int', bitWidth: 8, signed: true } },
  date: { physical: 'INT32', annotation: { kind: 'date' } },
  timeMs: { physical: 'INT32', annotation: { kind: 'time', unit: 'MILLIS', utc: true } },
  decimal9: { physical: 'INT32', annotation: { kind: 'decimal', precision: 9, scale: 2 } },
  int64: { physical: 'INT64' },
  uint64: { physical: 'INT64', annotation: { kind: 'int', bitWidth: 64, signed: false } },
  timestamp: { physical: 'INT64', annotation: { kind: 'timestamp', unit: 'MICROS', utc: true } },
  localTimestamp: { physical: 'INT64', annotation: { kind: 'timestamp', unit: 'NANOS', utc: false } },
  decimal18: { physical: 'INT64', annotation: { kind: 'decimal', precision: 18, scale: 4 } },
  int96: { physical: 'INT96' },
  float: { physical: 'FLOAT' },
  double: { physical: 'DOUBLE' },
  bytes: { physical: 'BYTE_ARRAY' },
  string: { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } },
  json: { physical: 'BYTE_ARRAY', annotation: { kind: 'json' } },
  decimalBytes: { physical: 'BYTE_ARRAY', annotation: { kind: 'decimal', precision: 30, scale: 3 } },
  fixed: { physical: 'FIXED_LEN_BYTE_ARRAY', typeLength: 5 },
  decimal38: {
    physical: 'FIXED_LEN_BYTE_ARRAY',
    typeLength: 16,
    annotation: { kind: 'decimal', precision: 38, scale: 10 },
  },
  uuid: { physical: 'FIXED_LEN_BYTE_ARRAY', typeLength: 16, annotation: { kind: 'uuid' } },
  float16: { physical: 'FIXED_LEN_BYTE_ARRAY', typeLength: 2, annotation: { kind: 'float16' } },
  interval: { physical: 'FIXED_LEN_BYTE_ARRAY', typeLength: 12, annotation: { kind: 'interval' } },
};

export interface RandomColumn {
  values: Values;
  valid: Uint8Array | undefined;
  nulls: number;
}

/**
 * `rows` values of about `distinct` different ones, null with probability `nullShare`; null slots are zero or empty,
 * as decoding leaves them. Runs of equal values occur, as in sorted data.
 */
export function randomColumn(
  type: ColumnType,
  rows: number,
  distinct: number,
  nullShare: number,
  seed: number,
): RandomColumn {
  const random = randomOf(seed);
  const pool = randomValues(type, Math.max(1, distinct), random);
  const indices = new Int32Array(rows);
  let nulls = 0;
  let last = 0;
  let run = 0;
  for (let r = 0; r < rows; r++) {
    if (run > 0) run--;
    else {
      last = random() < nullShare ? -1 : Math.floor(random() * pool.length);
      if (random() < 0.05) run = Math.floor(random() * 100);
    }
    indices[r] = last;
    if (last < 0) nulls++;
  }
  const values = pick(type, pool, indices);
  const valid = nulls > 0 ? Uint8Array.from(indices, (index) => (index < 0 ? 0 : 1)) : undefined;
  return { values, valid, nulls };
}

/** Values one by one, without the library's own gather. */
function pick(type: ColumnType, pool: Values, indices: Int32Array): Values {
  const out = allocate(type, indices.length);
  if (pool.kind === 'bytes') {
    const builder = new BytesBuilder();
    for (const i of indices) builder.push(pool.data, i < 0 ? 0 : pool.offsets[i]!, i < 0 ? 0 : pool.offsets[i + 1]!);
    return builder.finish();
  }
  const width = pool.kind === 'fixed' ? pool.width : pool.data.BYTES_PER_ELEMENT;
  const from = bytesOf(pool.data);
  const to = bytesOf(out.data);
  indices.forEach((i, r) => {
    for (let b = 0; i >= 0 && b < width; b++) to[r * width + b] = from[i * width + b]!;
  });
  return out;
}

const specials = [0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1.5, -2.25];

function randomValues(type: ColumnType, count: number, random: () => number): Values {
  const out = allocate(type, count);
  const isText = ['string', 'json', 'enum'].includes(type.annotation?.kind ?? '');
  if (out.kind === 'bytes') {
    const builder = new BytesBuilder();
    for (let i = 0; i < count; i++) {
      const length = type.annotation?.kind === 'decimal' ? 1 + Math.floor(random() * 12) : randomLength(random);
      if (isText) builder.pushText(randomText(length, random));
      else builder.push(Uint8Array.from({ length }, () => random() * 256));
    }
    return builder.finish();
  }
  for (let i = 0; i < count; i++) {
    if (out.kind === 'boolean') out.data[i] = random() < 0.5 ? 1 : 0;
    else if (out.kind === 'float' || out.kind === 'double') {
      out.data[i] = random() < 0.2 ? specials[Math.floor(random() * specials.length)]! : (random() - 0.5) * 1e6;
    } else if (out.kind === 'int32') out.data[i] = randomInt32(type, random);
    else if (out.kind === 'int64') out.data[i] = randomInt64(type, random);
  }
  if (out.kind === 'fixed') for (let b = 0; b < out.data.length; b++) out.data[b] = random() * 256;
  return out;
}

function randomLength(random: () => number): number {
  const kind = random();
  if (kind < 0.1) return 0;
  return Math.floor(random() * (kind < 0.9 ? 12 : 150));
}

function randomText(length: number, random: () => number): string {
  let text = '';
  while (text.length < length) text += random() < 0.8 ? 'abcdefgh'[Math.floor(random() * 8)] : 'é€😀ß'.at(random() * 3);
  return text.toWellFormed();
}

function randomInt32(type: ColumnType, random: () => number): number {
  const { annotation } = type;
  if (annotation?.kind === 'int' && annotation.bitWidth === 8) return Math.floor(random() * 256) - 128;
  if (annotation?.kind === 'date') return Math.floor(random() * 40000) - 5000;
  if (annotation?.kind === 'time') return Math.floor(random() * 86_400_000);
  if (annotation?.kind === 'decimal') return (Math.floor((random() - 0.5) * 1.9e9) % 1e9) | 0;
  return random() < 0.3 ? Math.floor(random() * 100) : Math.floor(random() * 2 ** 32) | 0;
}

function randomInt64(type: ColumnType, random: () => number): bigint {
  const { annotation } = type;
  if (annotation?.kind === 'timestamp') return BigInt(Math.floor((random() - 0.3) * 2 ** 52)) * 1000n;
  if (annotation?.kind === 'decimal') return BigInt(Math.floor((random() - 0.5) * 2 ** 53)) * 100n;
  if (random() < 0.3) return BigInt(Math.floor(random() * 1000)) - 500n;
  return BigInt.asIntN(64, (BigInt(Math.floor(random() * 2 ** 32)) << 32n) | BigInt(Math.floor(random() * 2 ** 32)));
}
