/**
 * `SchemaElement`: the flat list of a footer as leaves with one annotation each, and back. Both `ConvertedType` (old)
 * and `LogicalType` (new) are read, the latter winning, and both are written where both exist. A logical type that is
 * newer than this code (GEOMETRY, GEOGRAPHY, whatever comes) is kept as the bytes it is.
 *
 * Specification: parquet-format `parquet.thrift` (SchemaElement, LogicalType) and `LogicalTypes.md`.
 */
import type { ErrorLocation } from '../errors.ts';
import { physicalTypes } from './constants.ts';
import { corrupt, unsupported } from './fail.ts';
import type { ThriftStruct } from './thrift-read.ts';
import type { ThriftWriter } from './thrift-write.ts';
import type { Annotation, ColumnType, Leaf, PathElement, TimeUnit } from './types.ts';

const repetition = { required: 0, optional: 1, repeated: 2 } as const;
const timeUnits: readonly TimeUnit[] = ['MILLIS', 'MICROS', 'NANOS'];
const schemaDepthMax = 100;

/** `ConvertedType` numbers with one meaning each; the nested ones (MAP, LIST) are not for leaves. */
const convertedKinds: Readonly<Record<number, Annotation>> = {
  0: { kind: 'string' },
  4: { kind: 'enum' },
  6: { kind: 'date' },
  7: { kind: 'time', unit: 'MILLIS', utc: true },
  8: { kind: 'time', unit: 'MICROS', utc: true },
  9: { kind: 'timestamp', unit: 'MILLIS', utc: true },
  10: { kind: 'timestamp', unit: 'MICROS', utc: true },
  11: { kind: 'int', bitWidth: 8, signed: false },
  12: { kind: 'int', bitWidth: 16, signed: false },
  13: { kind: 'int', bitWidth: 32, signed: false },
  14: { kind: 'int', bitWidth: 64, signed: false },
  15: { kind: 'int', bitWidth: 8, signed: true },
  16: { kind: 'int', bitWidth: 16, signed: true },
  17: { kind: 'int', bitWidth: 32, signed: true },
  18: { kind: 'int', bitWidth: 64, signed: true },
  19: { kind: 'json' },
  20: { kind: 'bson' },
  21: { kind: 'interval' },
};

/** `LogicalType` numbers of types without a body. */
const logicalKinds: Readonly<Record<number, Annotation>> = {
  1: { kind: 'string' },
  4: { kind: 'enum' },
  6: { kind: 'date' },
  11: { kind: 'unknown' },
  12: { kind: 'json' },
  13: { kind: 'bson' },
  14: { kind: 'uuid' },
  15: { kind: 'float16' },
};

/**
 * The leaves of a footer's schema list.
 * @param elements the list as thrift has it
 * @param where place for errors: blob, row group, column
 * @returns the leaves, in file order
 * @throws `CorruptFile` when the list is no tree
 * @throws `ThriftError` when a field has another type than it should have; `parseFooter` makes it a CorruptFile
 * @throws `UnsupportedFile` on types that the specification got later
 */
export function parseSchema(elements: ThriftStruct[], where: ErrorLocation): Leaf[] {
  const root = elements[0];
  if (!root) corrupt('the footer has no schema', where);
  const leaves: Leaf[] = [];
  let next = 1;
  // The list is the tree in depth-first order; each group says how many children follow.
  const walk = (count: number, groups: readonly PathElement[], nested: boolean, depth: number): void => {
    if (depth > schemaDepthMax) corrupt('the schema is nested too deeply', where);
    if (count < 0 || count > elements.length - next) corrupt('the schema promises more fields than it has', where);
    for (let i = 0; i < count; i++) {
      const element = elements[next++];
      if (!element) corrupt('the schema ends within a group', where);
      const repeats = nested || element.int(3) === repetition.repeated;
      const own = { name: element.text(4) ?? '', optional: element.int(3) === repetition.optional };
      const path = [...groups, own];
      if (element.int(1) === undefined) walk(element.int(5) ?? 0, path, repeats, depth + 1);
      else {
        const name = path.map((part) => part.name).join('.');
        const type = parseType(element, { ...where, column: name });
        const optional = path.some((part) => part.optional);
        const leaf = { name, ordinal: leaves.length, type, optional, nested: repeats };
        leaves.push(depth > 0 && !repeats ? { ...leaf, path } : leaf);
      }
    }
  };
  walk(root.int(5) ?? 0, [], false, 0);
  if (next !== elements.length) corrupt('the schema has fields that belong to no group', where);
  return leaves;
}

function parseType(element: ThriftStruct, where: ErrorLocation): ColumnType {
  const physical = physicalTypes[element.int(1) ?? -1];
  if (!physical) unsupported(`Physical type ${element.int(1)} is not known.`, where);
  const type: ColumnType = { physical };
  if (physical === 'FIXED_LEN_BYTE_ARRAY') {
    const length = element.int(2) ?? 0;
    if (length < 0 || length > 1 << 20) corrupt(`a fixed length of ${length} bytes`, where);
    type.typeLength = length;
  }
  const annotation = parseLogicalType(element) ?? parseConvertedType(element) ?? otherLogicalType(element);
  // An annotation that contradicts the physical type means nothing; the specification has it ignored.
  if (annotation && annotationFits(annotation, type)) type.annotation = annotation;
  return type;
}

function parseConvertedType(element: ThriftStruct): Annotation | undefined {
  const converted = element.int(6);
  if (converted === undefined) return undefined;
  if (converted === 5) return { kind: 'decimal', scale: element.int(7) ?? 0, precision: element.int(8) ?? 0 };
  return convertedKinds[converted];
}

function parseLogicalType(element: ThriftStruct): Annotation | undefined {
  const union = element.struct(10);
  const id = union?.union();
  if (!union || id === undefined) return undefined;
  const body = union.struct(id);
  if (!body) return undefined;
  switch (id) {
    case 5:
      return { kind: 'decimal', scale: body.int(1) ?? 0, precision: body.int(2) ?? 0 };
    case 7:
    case 8: {
      const unit = timeUnits[(body.struct(2)?.union() ?? 0) - 1];
      return unit && { kind: id === 7 ? 'time' : 'timestamp', unit, utc: body.bool(1) ?? false };
    }
    case 10: {
      const bitWidth = body.int(1);
      if (bitWidth !== 8 && bitWidth !== 16 && bitWidth !== 32 && bitWidth !== 64) return undefined;
      return { kind: 'int', bitWidth, signed: body.bool(2) ?? true };
    }
    default:
      return logicalKinds[id];
  }
}

/** A logical type that means nothing to us, as it is. Lists and maps are no types of a leaf. */
function otherLogicalType(element: ThriftStruct): Annotation | undefined {
  const union = element.struct(10);
  const id = union?.union();
  if (!union || id === undefined || id === 2 || id === 3) return undefined;
  const body = union.struct(id);
  return body && { kind: 'other', logicalType: id, struct: Buffer.from(body.raw()).toString('hex') };
}

/**
 * Whether an annotation is allowed on a physical type (`LogicalTypes.md`).
 * @param annotation a logical type
 * @param type type of the column
 * @returns true when the specification allows it
 */
export function annotationFits(annotation: Annotation, type: ColumnType): boolean {
  const { physical, typeLength } = type;
  switch (annotation.kind) {
    case 'string':
    case 'enum':
    case 'json':
    case 'bson':
      return physical === 'BYTE_ARRAY';
    case 'uuid':
      return physical === 'FIXED_LEN_BYTE_ARRAY' && typeLength === 16;
    case 'float16':
      return physical === 'FIXED_LEN_BYTE_ARRAY' && typeLength === 2;
    case 'interval':
      return physical === 'FIXED_LEN_BYTE_ARRAY' && typeLength === 12;
    case 'date':
      return physical === 'INT32';
    case 'time':
      return annotation.unit === 'MILLIS' ? physical === 'INT32' : physical === 'INT64';
    case 'timestamp':
      return physical === 'INT64';
    case 'int':
      return annotation.bitWidth === 64 ? physical === 'INT64' : physical === 'INT32';
    case 'decimal':
      return decimalFits(annotation.precision, annotation.scale, type);
    case 'unknown':
    case 'other':
      return true;
  }
}

function decimalFits(precision: number, scale: number, { physical }: ColumnType): boolean {
  if (precision < 1 || scale < 0 || scale > precision) return false;
  if (physical === 'INT32') return precision <= 9;
  if (physical === 'INT64') return precision <= 18;
  return physical === 'BYTE_ARRAY' || physical === 'FIXED_LEN_BYTE_ARRAY';
}

/**
 * Writes the schema of a flat file: a root and its leaves, as field 2 of FileMetaData.
 * @param writer the open FileMetaData
 * @param leaves the columns, in order
 */
export function writeSchema(writer: ThriftWriter, leaves: readonly Pick<Leaf, 'name' | 'type' | 'optional'>[]): void {
  writer.element();
  writer.binary(4, 'schema');
  writer.i32(5, leaves.length);
  writer.end();
  for (const leaf of leaves) writeLeaf(writer, leaf);
}

function writeLeaf(writer: ThriftWriter, { name, type, optional }: Pick<Leaf, 'name' | 'type' | 'optional'>): void {
  const { annotation } = type;
  writer.element();
  writer.i32(1, physicalTypes.indexOf(type.physical));
  writer.i32(2, type.physical === 'FIXED_LEN_BYTE_ARRAY' ? (type.typeLength ?? 0) : undefined);
  writer.i32(3, optional ? repetition.optional : repetition.required);
  writer.binary(4, name);
  writer.i32(6, annotation && convertedTypeOf(annotation));
  writer.i32(7, annotation?.kind === 'decimal' ? annotation.scale : undefined);
  writer.i32(8, annotation?.kind === 'decimal' ? annotation.precision : undefined);
  if (annotation) writeLogicalType(writer, annotation);
  writer.end();
}

/** A node of a nested schema: a leaf where it has a type, else a group. */
export interface SchemaNode {
  name: string;
  repetition: keyof typeof repetition;
  type?: ColumnType;
  /** What a group means, if it is more than a struct. */
  group?: 'map' | 'list';
  children?: readonly SchemaNode[];
}

/** `ConvertedType` and `LogicalType` of groups. */
const groupTypes = { map: { converted: 1, logical: 2 }, list: { converted: 3, logical: 3 } } as const;

/**
 * The number of elements of a nested schema, without the root.
 * @param nodes the fields of the root
 * @returns how many elements `writeTree` writes beside the root
 */
export function countNodes(nodes: readonly SchemaNode[]): number {
  return nodes.reduce((sum, { children = [] }) => sum + 1 + countNodes(children), 0);
}

/**
 * Writes a nested schema: a root, then the tree depth first.
 * @param writer the open FileMetaData
 * @param nodes the fields of the root
 */
export function writeTree(writer: ThriftWriter, nodes: readonly SchemaNode[]): void {
  writer.element();
  writer.binary(4, 'schema');
  writer.i32(5, nodes.length);
  writer.end();
  for (const node of nodes) writeNode(writer, node);
}

function writeNode(writer: ThriftWriter, { name, repetition: repeats, type, group, children = [] }: SchemaNode): void {
  if (type) {
    writeLeaf(writer, { name, type, optional: repeats === 'optional' });
    return;
  }
  writer.element();
  writer.i32(3, repetition[repeats]);
  writer.binary(4, name);
  writer.i32(5, children.length);
  writer.i32(6, group && groupTypes[group].converted);
  if (group) {
    writer.open(10);
    writer.open(groupTypes[group].logical);
    writer.end();
    writer.end();
  }
  writer.end();
  for (const child of children) writeNode(writer, child);
}

function convertedTypeOf(annotation: Annotation): number | undefined {
  if (annotation.kind === 'decimal') return 5;
  const wanted = JSON.stringify(annotation, Object.keys(annotation).sort());
  for (const [number, meaning] of Object.entries(convertedKinds)) {
    if (JSON.stringify(meaning, Object.keys(meaning).sort()) === wanted) return Number(number);
  }
  return undefined;
}

function writeLogicalType(writer: ThriftWriter, annotation: Annotation): void {
  const ids = { string: 1, enum: 4, date: 6, unknown: 11, json: 12, bson: 13, uuid: 14, float16: 15 } as const;
  // INTERVAL has a converted type only.
  if (annotation.kind === 'interval') return;
  writer.open(10);
  if (annotation.kind === 'other') {
    writer.struct(annotation.logicalType, Buffer.from(annotation.struct, 'hex'));
    writer.end();
    return;
  }
  switch (annotation.kind) {
    case 'decimal':
      writer.open(5);
      writer.i32(1, annotation.scale);
      writer.i32(2, annotation.precision);
      break;
    case 'time':
    case 'timestamp':
      writer.open(annotation.kind === 'time' ? 7 : 8);
      writer.bool(1, annotation.utc);
      writer.open(2);
      writer.open(timeUnits.indexOf(annotation.unit) + 1);
      writer.end();
      writer.end();
      break;
    case 'int':
      writer.open(10);
      writer.byte(1, annotation.bitWidth);
      writer.bool(2, annotation.signed);
      break;
    default:
      writer.open(ids[annotation.kind]);
  }
  writer.end();
  writer.end();
}
