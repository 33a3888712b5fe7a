import type { ColumnType } from './types.ts';

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
    default:
      return `${annotation.kind.toUpperCase()} on ${base}`;
  }
}
