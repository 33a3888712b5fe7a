/**
 * `stats` of an `add` action, from a file's footer: rows, and by column nulls and bounds. Engines leave files out by them,
 * so a bound must never be tighter than the values. What a footer does not say for certain is left out: FLOAT and DOUBLE
 * have no bounds, for a footer does not say whether a NaN is among the values.
 *
 * Specification: Delta `PROTOCOL.md`, "Per-file Statistics".
 */

import { decimalText } from '../parquet/decimal.ts';
import { rawReader } from '../parquet/logical.ts';
import { decodePlain } from '../parquet/plain.ts';
import type { ColumnType, FileMeta, RawStatistics } from '../parquet/types.ts';

/** Characters of a text bound: longer ones are left out, or cut where that keeps a bound. */
const textBoundMax = 32;

/**
 * The statistics of a file as JSON text.
 *
 * @param footer of the whole file
 */
export function deltaStatistics({ rows, leaves, rowGroups }: FileMeta): string {
  const [least, greatest, nulls]: [string[], string[], string[]] = [[], [], []];
  for (const { name, ordinal, type } of leaves) {
    const of = rowGroups.map(({ chunks }) => chunks[ordinal]!.statistics ?? {});
    const key = JSON.stringify(name);
    const nullCounts = of.map(({ nullCount }) => nullCount);
    const known = nullCounts.every((count) => count !== undefined);
    const nullCount = known ? nullCounts.reduce((sum, count) => sum + count!, 0) : undefined;
    if (nullCount !== undefined) nulls.push(`${key}:${nullCount}`);
    // A row group that has only nulls has no bounds, and needs none.
    const holding = of.filter((_, g) => !(known && nullCounts[g] === rowGroups[g]!.rows));
    if (holding.length === 0) continue;
    const min = bound(type, holding, 'minValue');
    const max = bound(type, holding, 'maxValue');
    if (min !== undefined) least.push(`${key}:${min}`);
    if (max !== undefined) greatest.push(`${key}:${max}`);
  }
  const parts = [
    `"numRecords":${rows}`,
    `"minValues":{${least.join(',')}}`,
    `"maxValues":{${greatest.join(',')}}`,
    `"nullCount":{${nulls.join(',')}}`,
  ];
  return `{${parts.join(',')}}`;
}

/** One bound over all row groups, as a JSON value; undefined where a row group does not state it, or the type has none. */
function bound(type: ColumnType, statistics: readonly RawStatistics[], side: 'minValue' | 'maxValue') {
  const stated = statistics.map((one) => one[side]);
  if (!stated.every((bytes) => bytes !== undefined)) return undefined;
  const sign = side === 'minValue' ? 1 : -1;
  const { annotation: a, physical } = type;
  if (a?.kind === 'string' || a?.kind === 'enum' || a?.kind === 'json') {
    const extreme = stated.reduce((one, other) => (sign * Buffer.compare(one!, other!) <= 0 ? one : other))!;
    return textBound(extreme, side);
  }
  const shown = showBy(type);
  if (!shown) return undefined;
  if (physical === 'BYTE_ARRAY' || physical === 'FIXED_LEN_BYTE_ARRAY') {
    if (a?.kind !== 'decimal') return undefined;
  }
  const values = stated.map((bytes) => boundValue(type, bytes!));
  const extreme = values.reduce((one, other) => ((sign > 0 ? one <= other : one >= other) ? one : other));
  return shown(extreme);
}

function boundValue(type: ColumnType, bytes: Uint8Array): bigint {
  if (type.physical === 'BOOLEAN') return BigInt(bytes[0]!);
  if (type.physical === 'BYTE_ARRAY') {
    // Bounds of byte arrays have no length before them, as values have.
    const values = { kind: 'bytes' as const, length: 1, data: bytes, offsets: Uint32Array.of(0, bytes.length) };
    return rawReader(type)(values, 0) as bigint;
  }
  return rawReader(type)(decodePlain(type, bytes, 0, bytes.length, 1), 0) as bigint;
}

/** How a value is written in the statistics; undefined for types whose bounds are not stated. */
function showBy(type: ColumnType): ((value: bigint) => string | undefined) | undefined {
  const { annotation: a, physical } = type;
  if (a?.kind === 'decimal') return (value) => decimalText(value, a.scale);
  if (a?.kind === 'date') return (value) => dateText(value * 86_400_000_000n, 10);
  if (a?.kind === 'timestamp' && a.unit === 'MICROS') return (value) => timestampText(value, a.utc);
  if (a !== undefined && a.kind !== 'int') return undefined;
  if (physical === 'INT32' || physical === 'INT64') return (value) => String(value);
  return undefined;
}

/** Years that have four digits, in microseconds of the epoch. */
const [firstYear, lastYear] = [-62_135_596_800_000_000n, 253_402_300_799_999_999n];

function dateText(micros: bigint, length: number): string | undefined {
  if (micros < firstYear || micros > lastYear) return undefined;
  const ms = (micros - (((micros % 1000n) + 1000n) % 1000n)) / 1000n;
  const iso = new Date(Number(ms)).toISOString();
  return length === 10 ? `"${iso.slice(0, 10)}"` : iso;
}

/** ISO 8601 with milliseconds, or microseconds where there are some. */
function timestampText(micros: bigint, utc: boolean): string | undefined {
  const iso = dateText(micros, 24);
  if (iso === undefined) return undefined;
  const below = ((micros % 1000n) + 1000n) % 1000n;
  const fraction = below === 0n ? '' : String(below).padStart(3, '0');
  return `"${iso.slice(0, -1)}${fraction}${utc ? 'Z' : ''}"`;
}

/**
 * A text of at most `textBoundMax` characters. A minimum is cut; a maximum is cut and followed by the greatest character,
 * which is above whatever was cut off.
 */
function textBound(bytes: Uint8Array, side: 'minValue' | 'maxValue'): string | undefined {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
  const points = [...text];
  if (points.length <= textBoundMax) return JSON.stringify(text);
  const cut = points.slice(0, textBoundMax).join('');
  if (side === 'minValue') return JSON.stringify(cut);
  return points[textBoundMax] === '\u{10ffff}' ? undefined : JSON.stringify(`${cut}\u{10ffff}`);
}
