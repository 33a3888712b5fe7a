/** Whether a JavaScript value can be written as a Parquet type, for constants: found at start-up, not in a run. */
import type { ColumnType } from '../parquet/types.ts';

const int32Max = 2 ** 31 - 1;
const int64Max = 2n ** 63n - 1n;

/** What is wrong with the value ("not a string"), or undefined. */
export function constantProblem(value: unknown, type: ColumnType): string | undefined {
  switch (type.annotation?.kind) {
    case 'string':
      return typeof value === 'string' ? undefined : 'not a string';
    case 'json':
      return typeof value === 'string' && isJson(value) ? undefined : 'not JSON text';
    case 'date':
    case 'timestamp':
      return value instanceof Date && !Number.isNaN(value.getTime()) ? undefined : 'not a valid date';
    case 'decimal':
      return decimalProblem(value, type.annotation);
    default:
      return physicalProblem(value, type);
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function decimalProblem(
  value: unknown,
  { precision, scale }: { precision: number; scale: number },
): string | undefined {
  const text = typeof value === 'number' && Number.isFinite(value) ? value.toFixed(scale) : value;
  const parts = typeof text === 'string' ? /^[+-]?0*(\d*)(?:\.(\d*?)0*)?$/.exec(text) : null;
  if (!parts || (parts[1] === '' && !/\d/.test(String(text)))) return 'not a decimal number';
  if (parts[1]!.length > precision - scale) return `too large for decimal(${precision}, ${scale})`;
  return (parts[2] ?? '').length > scale ? `too fine for decimal(${precision}, ${scale})` : undefined;
}

function physicalProblem(value: unknown, type: ColumnType): string | undefined {
  switch (type.physical) {
    case 'BOOLEAN':
      return typeof value === 'boolean' ? undefined : 'not a boolean';
    case 'INT32': {
      const fits = typeof value === 'number' && Number.isInteger(value) && value >= -int32Max - 1 && value <= int32Max;
      return fits ? undefined : 'not a 32-bit integer';
    }
    case 'INT64': {
      if (typeof value === 'number') return Number.isSafeInteger(value) ? undefined : 'not a safe integer';
      const fits = typeof value === 'bigint' && value >= -int64Max - 1n && value <= int64Max;
      return fits ? undefined : 'not a 64-bit integer';
    }
    case 'FLOAT':
    case 'DOUBLE':
      return typeof value === 'number' ? undefined : 'not a number';
    default:
      return value instanceof Uint8Array ? undefined : 'not bytes';
  }
}
