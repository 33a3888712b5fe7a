/**
 * Checks numbers against bounds without a call for each value: by a chunk's statistics, or by comparison. A contract
 * column calls it. What cannot be proven here goes through the schema, which also says why a value is refused.
 */
import { decimalNumber } from '../../parquet/decimal.ts';
import { statisticsOf } from '../../parquet/statistics.ts';
import type { ChunkMeta, Column, ColumnType, RawStatistics } from '../../parquet/types.ts';
import type { ContractColumn } from '../../pipeline/compiled.ts';

/** True when a chunk's statistics prove that the schema accepts all values and changes none. */
export function provenByStatistics(contract: ContractColumn, type: ColumnType, meta: ChunkMeta, rows: number): boolean {
  const wholeNumbers = isInteger(type);
  if (!contract.active) {
    if (contract.input !== 'number') return true;
    // What a number may be refused for: fractions and NaN in floats, too many digits in 64-bit integers.
    if (wholeNumbers && type.physical === 'INT32') return true;
  }
  if (contract.input !== 'number' || contract.changes || (contract.active && !contract.bounds)) return false;
  const { annotation } = type;
  if (!wholeNumbers && annotation?.kind !== 'decimal') return false;
  const range = integerRange(meta.statistics, type);
  if (!range) return meta.statistics?.nullCount === rows;
  if (annotation?.kind === 'decimal') return !contract.integer && decimalsHold(range, annotation.scale, contract);
  const { min, max } = numberBounds(contract);
  return range.min >= BigInt(Math.ceil(min)) && range.max <= BigInt(Math.floor(max));
}

/** Whether all decimals between two unscaled integers hold: the double that a decimal is nearest to ascends with it. */
function decimalsHold({ min, max }: { min: bigint; max: bigint }, scale: number, contract: ContractColumn): boolean {
  const { min: least = -Number.MAX_VALUE, max: most = Number.MAX_VALUE } = contract.bounds ?? {};
  return decimalNumber(min, scale) >= least && decimalNumber(max, scale) <= most;
}

/** The bounds that a number column's schema states, within what a JavaScript number holds exactly. */
function numberBounds(contract: ContractColumn): { min: number; max: number } {
  return {
    min: Math.max(Number.MIN_SAFE_INTEGER, contract.bounds?.min ?? Number.MIN_SAFE_INTEGER),
    max: Math.min(Number.MAX_SAFE_INTEGER, contract.bounds?.max ?? Number.MAX_SAFE_INTEGER),
  };
}

/** Whether all numbers of a column hold, where the schema says nothing but bounds. Unused entries may fail here. */
export function numbersHold(column: Column, type: ColumnType, contract: ContractColumn): boolean {
  const values = column.form === 'dictionary' ? column.dictionary : column.values;
  const valid = column.form === 'plain' ? column.valid : undefined;
  const isDecimal = type.annotation?.kind === 'decimal';
  if (values.kind === 'int64') {
    if (isDecimal) return !contract.integer && longDecimalsHold(values.data, valid, scaleOf(type), contract);
    // What is above half the range of unsigned ones is not their integers.
    const { min, max } = numberBounds(contract);
    const low = BigInt(Math.ceil(isUnsigned(type) ? Math.max(0, min) : min));
    const high = BigInt(Math.floor(max));
    for (let i = 0; i < values.length; i++) {
      const value = values.data[i]!;
      if ((value < low || value > high) && (valid === undefined || valid[i] === 1)) return false;
    }
    return true;
  }
  if (values.kind !== 'float' && values.kind !== 'double' && values.kind !== 'int32') return false;
  const min = contract.bounds?.min ?? -Number.MAX_VALUE;
  const max = contract.bounds?.max ?? Number.MAX_VALUE;
  const data =
    values.kind === 'int32' && isUnsigned(type)
      ? new Uint32Array(values.data.buffer, values.data.byteOffset, values.length)
      : values.data;
  // Both operands are exact, so the quotient is the double that the schema would see.
  const divisor = type.annotation?.kind === 'decimal' ? 10 ** type.annotation.scale : 1;
  for (let i = 0; i < values.length; i++) {
    const value = data[i]! / divisor;
    if (value >= min && value <= max && (!contract.integer || Number.isInteger(value))) continue;
    if (valid === undefined || valid[i] === 1) return false;
  }
  return true;
}

/** The same of 64-bit decimals, by the least and the greatest. */
function longDecimalsHold(
  data: BigInt64Array,
  valid: Uint8Array | undefined,
  scale: number,
  contract: ContractColumn,
): boolean {
  const bounds = statisticsOf({ kind: 'int64', length: data.length, data }, { physical: 'INT64' }, valid);
  const range = integerRange(bounds, { physical: 'INT64' });
  return !range || decimalsHold(range, scale, contract);
}

function scaleOf({ annotation }: ColumnType): number {
  return annotation?.kind === 'decimal' ? annotation.scale : 0;
}

function isInteger(type: ColumnType): boolean {
  const { annotation } = type;
  return ['INT32', 'INT64'].includes(type.physical) && (annotation === undefined || annotation.kind === 'int');
}

function isUnsigned(type: ColumnType): boolean {
  return type.annotation?.kind === 'int' && !type.annotation.signed;
}

function integerRange(
  statistics: RawStatistics | undefined,
  type: ColumnType,
): { min: bigint; max: bigint } | undefined {
  const low = statistics?.minValue;
  const high = statistics?.maxValue;
  const width = type.physical === 'INT32' ? 4 : 8;
  if (low?.length !== width || high?.length !== width) return undefined;
  const unsigned = isUnsigned(type);
  const read = (bytes: Uint8Array): bigint => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (width === 4) return BigInt(unsigned ? view.getUint32(0, true) : view.getInt32(0, true));
    return unsigned ? view.getBigUint64(0, true) : view.getBigInt64(0, true);
  };
  return { min: read(low), max: read(high) };
}
