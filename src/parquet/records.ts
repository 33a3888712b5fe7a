/**
 * A small file of nested records: structs of texts, numbers and booleans, lists of texts, and maps of text to text; each
 * of them may be null. Checkpoints of table logs are written by it. It is not for data: all records are in memory at once.
 *
 * Specification: parquet-format README.md "Nested Encoding", `LogicalTypes.md` (LIST, MAP).
 */
import { invariant } from '../errors.ts';
import { CREATED_BY, MAGIC } from './constants.ts';
import { PageWriter } from './encode-pages.ts';
import { writeFooter } from './footer-write.ts';
import { encodeHybrid } from './hybrid.ts';
import { encodePlainValues } from './plain.ts';
import type { SchemaNode } from './schema.ts';
import { placeChunk } from './table.ts';
import type { ChunkMeta, Codec, ColumnType, Values } from './types.ts';

/** What a field of a record may be. Any of them may also be null, or left out. */
export type RecordField =
  | 'text'
  | 'int'
  | 'long'
  | 'boolean'
  | 'texts'
  | 'text map'
  | { readonly [name: string]: RecordField };

/** The fields of a record by name. */
export type RecordShape = { readonly [name: string]: RecordField };

/** Records of a row group: pages stay small, and levels of a group are in memory at once. */
const GROUP_RECORDS = 10_000;

const text: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };
const leafTypes = {
  text,
  int: { physical: 'INT32' },
  long: { physical: 'INT64' },
  boolean: { physical: 'BOOLEAN' },
} satisfies Record<string, ColumnType>;

/** One column, with the levels and values of the records of a group. */
interface Column {
  path: readonly string[];
  type: ColumnType;
  optional: boolean;
  repeats: number;
  defines: number;
  repetitions: number[];
  definitions: number[];
  values: unknown[];
}

/** A field as it is taken apart: levels of its parent go in, levels and values of its columns come out. */
interface Part {
  node: SchemaNode;
  columns: Column[];
  take(value: unknown, repetition: number, definition: number): void;
}

/**
 * The bytes of a file of records.
 * @param shape the fields of a record
 * @param records values by name: texts, numbers, bigints, booleans, arrays of texts, objects; null for what is not there
 * @param options the codec of the pages
 * @returns the file
 * @throws `UnsupportedFile` for a codec that is not supported
 */
export function writeRecords(
  shape: RecordShape,
  records: readonly Readonly<Record<string, unknown>>[],
  options: { codec?: Codec; keyValues?: Record<string, string> } = {},
): Uint8Array {
  const parts = Object.entries(shape).map(([name, field]) => partOf(name, field, [], 0, 0));
  const columns = parts.flatMap((part) => part.columns);
  const pieces: Uint8Array[] = [MAGIC];
  let offset = MAGIC.length;
  const rowGroups: { rows: number; chunks: ChunkMeta[] }[] = [];
  for (let from = 0; from < records.length; from += GROUP_RECORDS) {
    const group = records.slice(from, from + GROUP_RECORDS);
    for (const record of group) for (const part of parts) part.take(record[part.node.name], 0, 0);
    const chunks = columns.map((column) => {
      const chunk = encodeNested(column, options.codec ?? 'SNAPPY');
      const placed = placeChunk(chunk, offset);
      pieces.push(...chunk.parts);
      offset += chunk.meta.length;
      return placed;
    });
    rowGroups.push({ rows: group.length, chunks });
  }
  pieces.push(
    writeFooter({
      leaves: columns.map(({ path, type, optional }) => ({ name: path.join('.'), type, optional, path })),
      tree: parts.map(({ node }) => node),
      rowGroups,
      rows: records.length,
      keyValues: options.keyValues ?? {},
      createdBy: CREATED_BY,
    }),
  );
  return new Uint8Array(Buffer.concat(pieces));
}

function partOf(name: string, field: RecordField, above: readonly string[], repeats: number, defines: number): Part {
  const path = [...above, name];
  if (field === 'texts') return listPart(name, path, repeats, defines);
  if (field === 'text map') return mapPart(name, path, repeats, defines);
  if (typeof field === 'string') return leafPart(name, leafTypes[field], 'optional', path, repeats, defines);
  const fields = Object.entries(field).map(([child, of]) => partOf(child, of, path, repeats, defines + 1));
  const columns = fields.flatMap((one) => one.columns);
  return {
    node: { name, repetition: 'optional', children: fields.map(({ node }) => node) },
    columns,
    take(value, repetition, definition) {
      if (isNothing(value)) nothing(columns, repetition, definition);
      else
        for (const one of fields)
          one.take((value as Record<string, unknown>)[one.node.name], repetition, definition + 1);
    },
  };
}

function leafPart(
  name: string,
  type: ColumnType,
  repetition: 'optional' | 'required',
  path: readonly string[],
  repeats: number,
  defines: number,
): Part {
  const optional = repetition === 'optional';
  const column: Column = {
    ...{ path, type, optional, repeats, defines: defines + (optional ? 1 : 0) },
    ...{ repetitions: [], definitions: [], values: [] },
  };
  return {
    node: { name, repetition, type },
    columns: [column],
    take(value, at, definition) {
      if (isNothing(value)) {
        invariant(optional, `${path.join('.')} is there`);
        nothing([column], at, definition);
        return;
      }
      column.repetitions.push(at);
      column.definitions.push(column.defines);
      column.values.push(value);
    },
  };
}

function listPart(name: string, path: readonly string[], repeats: number, defines: number): Part {
  const element = leafPart('element', text, 'optional', [...path, 'list', 'element'], repeats + 1, defines + 2);
  const list: SchemaNode = { name: 'list', repetition: 'repeated', children: [element.node] };
  return {
    node: { name, repetition: 'optional', group: 'list', children: [list] },
    columns: element.columns,
    take(value, repetition, definition) {
      const items = value as readonly unknown[] | null | undefined;
      if (isNothing(items)) nothing(element.columns, repetition, definition);
      else if (items!.length === 0) nothing(element.columns, repetition, definition + 1);
      else items!.forEach((item, i) => void element.take(item, i === 0 ? repetition : repeats + 1, definition + 2));
    },
  };
}

function mapPart(name: string, path: readonly string[], repeats: number, defines: number): Part {
  const within = [...path, 'key_value'];
  const key = leafPart('key', text, 'required', [...within, 'key'], repeats + 1, defines + 2);
  const value = leafPart('value', text, 'optional', [...within, 'value'], repeats + 1, defines + 2);
  const columns = [...key.columns, ...value.columns];
  const pairs: SchemaNode = { name: 'key_value', repetition: 'repeated', children: [key.node, value.node] };
  return {
    node: { name, repetition: 'optional', group: 'map', children: [pairs] },
    columns,
    take(given, repetition, definition) {
      if (isNothing(given)) {
        nothing(columns, repetition, definition);
        return;
      }
      const entries = Object.entries(given as Record<string, unknown>);
      if (entries.length === 0) nothing(columns, repetition, definition + 1);
      entries.forEach(([k, v], i) => {
        const at = i === 0 ? repetition : repeats + 1;
        key.take(k, at, definition + 2);
        value.take(v, at, definition + 2);
      });
    },
  };
}

const isNothing = (value: unknown) => value === null || value === undefined;

function nothing(columns: readonly Column[], repetition: number, definition: number): void {
  for (const { repetitions, definitions } of columns) {
    repetitions.push(repetition);
    definitions.push(definition);
  }
}

/** The chunk of a column in one page, and empties the column for the next group. */
function encodeNested(column: Column, codec: Codec) {
  const { type, repeats, defines, repetitions, definitions, values } = column;
  const levels = [levelBytes(repetitions, repeats), levelBytes(definitions, defines)];
  const body = Buffer.concat([...levels, encodePlainValues(valuesOf(type, values), undefined, 0, values.length)]);
  const pages = new PageWriter(codec, 'PLAIN');
  pages.add(definitions.length, undefined, body);
  for (const list of [repetitions, definitions, values]) list.length = 0;
  return pages.chunk({});
}

/** Levels behind their length; none where a column has no such level. */
function levelBytes(levels: readonly number[], max: number): Uint8Array {
  if (max === 0) return new Uint8Array(0);
  const bytes = encodeHybrid(Uint8Array.from(levels), 0, levels.length, 32 - Math.clz32(max), 4);
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, bytes.length - 4, true);
  return bytes;
}

function valuesOf({ physical }: ColumnType, values: readonly unknown[]): Values {
  const { length } = values;
  switch (physical) {
    case 'BOOLEAN':
      return { kind: 'boolean', length, data: Uint8Array.from(values, (value) => (value === true ? 1 : 0)) };
    case 'INT32':
      return { kind: 'int32', length, data: Int32Array.from(values as number[]) };
    case 'INT64':
      return { kind: 'int64', length, data: BigInt64Array.from(values as (number | bigint)[], BigInt) };
    default: {
      const encoded = values.map((value) => Buffer.from(value as string));
      const offsets = new Uint32Array(length + 1);
      encoded.forEach((bytes, i) => {
        offsets[i + 1] = offsets[i]! + bytes.length;
      });
      return { kind: 'bytes', length, data: new Uint8Array(Buffer.concat(encoded)), offsets };
    }
  }
}
