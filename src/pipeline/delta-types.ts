/**
 * Types of Delta tables, by the Parquet types that files have. A type that has no counterpart is stored as a wider one
 * that has, where that is exact; else it is refused by name.
 *
 * Specification: Delta `PROTOCOL.md`, "Primitive Types" and "Delta Data Type to Parquet Type Mappings".
 */
import { typeText } from '../parquet/type-text.ts';
import type { ColumnType, PhysicalType } from '../parquet/types.ts';

/** Names that a table without column mapping cannot have. */
const refusedCharacters = /[ ,;{}()\n\t=]/;

/** The largest precision of a DECIMAL. */
const precisionMax = 38;

const signed = (bitWidth: 8 | 16): ColumnType => ({
  physical: 'INT32',
  annotation: { kind: 'int', bitWidth, signed: true },
});

/** What a column is in a Delta table, and how its files store it. */
export interface DeltaType {
  /** As `schemaString` names it. */
  name: string;
  stored: ColumnType;
}

/**
 * The Delta type of a Parquet type.
 * @param type type of a column
 * @returns the type and how files must store it; or what is in the way, as the end of a sentence.
 */
export function deltaType(type: ColumnType): DeltaType | { refused: string } {
  const { annotation: a, physical } = type;
  const plain = (name: string): DeltaType => ({ name, stored: type });
  switch (a?.kind) {
    case 'string':
    case 'json':
      return plain('string');
    case 'enum':
      return { name: 'string', stored: { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } } };
    case 'bson':
      return plain('binary');
    case 'date':
      return plain('date');
    case 'decimal': {
      if (a.precision > precisionMax) return { refused: `has more than ${precisionMax} digits` };
      const name = `decimal(${a.precision},${a.scale})`;
      return { name, stored: physical === 'BYTE_ARRAY' ? parquetType(name)! : type };
    }
    case 'int':
      return integerType(a, type);
    case 'timestamp':
      if (a.unit === 'NANOS') return { refused: 'has nanoseconds, and a table has microseconds' };
      return {
        name: a.utc ? 'timestamp' : 'timestamp_ntz',
        stored: { physical: 'INT64', annotation: { ...a, unit: 'MICROS' } },
      };
    default: {
      const name = a ? undefined : names[physical];
      return name === undefined ? { refused: `is ${typeText(type)}, which no Delta type is` } : plain(name);
    }
  }
}

/** Of types without an annotation. */
const names: Partial<Record<PhysicalType, string>> = {
  BOOLEAN: 'boolean',
  INT32: 'integer',
  INT64: 'long',
  INT96: 'timestamp',
  FLOAT: 'float',
  DOUBLE: 'double',
  BYTE_ARRAY: 'binary',
};

function integerType(
  a: { bitWidth: 8 | 16 | 32 | 64; signed: boolean },
  type: ColumnType,
): DeltaType | { refused: string } {
  if (a.signed) {
    const name = ({ 8: 'byte', 16: 'short', 32: 'integer', 64: 'long' } as const)[a.bitWidth];
    return { name, stored: type };
  }
  switch (a.bitWidth) {
    case 8:
      return { name: 'short', stored: signed(16) };
    case 16:
      return { name: 'integer', stored: { physical: 'INT32' } };
    case 32:
      return { name: 'long', stored: { physical: 'INT64' } };
    case 64:
      return { refused: 'is unsigned with 64 bits, and the widest integer of a table is signed' };
  }
}

/**
 * Whether a table can have a column of this name.
 * @param name name of the column
 * @returns what is in the way, as the end of a sentence; undefined when nothing is.
 */
export function refusedColumnName(name: string): string | undefined {
  const [character] = refusedCharacters.exec(name) ?? [];
  if (character === undefined) return undefined;
  return `has ${JSON.stringify(character)} in its name, which a table's columns may not have`;
}

/**
 * The Parquet type that files have for a Delta type.
 * @param name the type's name in a schema
 * @returns the type; undefined for types that no file of ours has
 */
export function parquetType(name: string): ColumnType | undefined {
  const [, precision, scale] = /^decimal\((\d+),(\d+)\)$/.exec(name) ?? [];
  if (precision !== undefined) {
    const annotation = { kind: 'decimal', precision: Number(precision), scale: Number(scale) } as const;
    if (annotation.precision <= 18) return { physical: annotation.precision <= 9 ? 'INT32' : 'INT64', annotation };
    const bytes = Math.ceil((annotation.precision * Math.log2(10) + 1) / 8);
    return { physical: 'FIXED_LEN_BYTE_ARRAY', typeLength: bytes, annotation };
  }
  return byName[name];
}

const timestamp = (utc: boolean): ColumnType => ({
  physical: 'INT64',
  annotation: { kind: 'timestamp', unit: 'MICROS', utc },
});

const byName: Readonly<Record<string, ColumnType>> = {
  boolean: { physical: 'BOOLEAN' },
  byte: signed(8),
  short: signed(16),
  integer: { physical: 'INT32' },
  long: { physical: 'INT64' },
  float: { physical: 'FLOAT' },
  double: { physical: 'DOUBLE' },
  string: { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } },
  binary: { physical: 'BYTE_ARRAY' },
  date: { physical: 'INT32', annotation: { kind: 'date' } },
  timestamp: timestamp(true),
  timestamp_ntz: timestamp(false),
};
