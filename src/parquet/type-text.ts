/** Types as texts: for messages, and to tell whether two are the same. Called wherever types are compared. */
import { createHash } from 'node:crypto';
import type { ColumnType } from './types.ts';

/** Logical types that are passed on, by their number in parquet.thrift. */
const names: Readonly<Record<number, string>> = { 16: 'VARIANT', 17: 'GEOMETRY', 18: 'GEOGRAPHY' };

const digest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16);

/**
 * A type as a user would name it, as in "DECIMAL(9,2) on INT32".
 * @param type type of the column
 * @returns the words, for messages
 */
export function typeText(type: ColumnType): string {
  const { annotation, physical, typeLength } = type;
  const base = physical === 'FIXED_LEN_BYTE_ARRAY' ? `${physical}(${typeLength})` : physical;
  if (!annotation) return base;
  switch (annotation.kind) {
    case 'decimal':
      return `DECIMAL(${annotation.precision},${annotation.scale}) on ${base}`;
    case 'time':
    case 'timestamp':
      return `${annotation.kind.toUpperCase()}(${annotation.unit}, ${annotation.utc ? 'UTC' : 'local'}) on ${base}`;
    case 'int':
      return `${annotation.signed ? 'INT' : 'UINT'}_${annotation.bitWidth} on ${base}`;
    case 'other': {
      const name = names[annotation.logicalType] ?? `LOGICAL_TYPE_${annotation.logicalType}`;
      // The struct may hold a page of text (a coordinate reference system).
      const parameters = annotation.struct === '00' ? '' : `(${digest(annotation.struct)})`;
      return `${name}${parameters} on ${base}`;
    }
    default:
      return `${annotation.kind.toUpperCase()} on ${base}`;
  }
}
