/**
 * The row contract: from a zod object, or a discriminated union of several, to `ContractColumn`s and checks of rows.
 * `compile` calls it once for each pipeline. It must never show a value to a schema, but null.
 */

import { core } from 'zod';
import { limits } from '../limits.ts';
import { typeText } from '../parquet/type-text.ts';
import type { ColumnType } from '../parquet/types.ts';
import { byteProof } from './byte-proof.ts';
import type { ContractColumn, JsKind, RecordType, RecordTypes, RowCheck } from './compiled.ts';
import { type } from './output-type.ts';
import { quickParse } from './quick-parse.ts';
import { refuse, show } from './refuse.ts';
import { compileRowCheck } from './row-checks.ts';
import { type Field, type RowOption, rowShape } from './row-fields.ts';
import { nullPasses, reasonOf, type SchemaFacts, schemaFacts } from './schema.ts';

/** A row contract, compiled. */
export interface RowContract {
  columns: ContractColumn[];
  recordTypes: RecordTypes | undefined;
  checks: RowCheck[];
}

/**
 * Compiles a row contract. Nulls follow the schema: `.nullable()` and `.optional()` both let them pass, and with
 * `.optional()` a file may lack the column; a null is never shown to transforms.
 * @param row a zod object with one schema for each source column, or a discriminated union of such objects
 * @returns the columns, in the order in which they are first named; record types and checks of rows, if there are any
 * @throws `InvalidPipeline` at `row` or `row.<column>`, for what a column cannot be and for what would be ignored
 *   (strict objects)
 */
export function compileContract(row: unknown): RowContract {
  const shape = rowShape(row);
  const { options, discriminator } = shape;
  const types = options.flatMap((option) => option.types ?? []);
  const fields = new Map<string, { field: Field; options: RowOption[] }>();
  for (const option of options) {
    for (const field of option.fields) {
      const known = fields.get(field.name);
      if (known && known.field.path.length !== field.path.length)
        refuse(`row.${field.name}`, 'is both a column and a leaf of a group', 'Name it once.');
      if (known) known.options.push(option);
      else fields.set(field.name, { field, options: [option] });
    }
  }
  if (fields.size === 0) refuse('row', 'names no column');
  if (fields.size > limits.columnsMax) {
    refuse('row', `names ${fields.size} columns`, `Name at most ${limits.columnsMax} columns.`);
  }
  const columns = [...fields.values()].map(({ field, options: having }) => {
    if (discriminator === undefined) return compileField(field);
    if (field.name === discriminator) return discriminatorColumn(field.name, types);
    return unionColumn(field.name, having, types);
  });
  // Which schema holds for a row is known before any other column is looked at.
  columns.sort((a, b) => Number(b.name === discriminator) - Number(a.name === discriminator));
  const checks = [
    ...options.flatMap((option) => compileRowCheck(option.checks, option.fields, option.types)),
    ...compileRowCheck(
      shape.checks,
      [...fields.values()].map(({ field }) => field),
      undefined,
    ),
  ];
  return { columns, recordTypes: discriminator === undefined ? undefined : { column: discriminator, types }, checks };
}

/** The column that tells record types apart: it holds one of them. */
function discriminatorColumn(name: string, types: readonly RecordType[]): ContractColumn {
  return compileColumn(name, new core.$ZodLiteral({ type: 'literal', values: [...types] }));
}

/** A column that some record types have: one schema for all of them, or several. */
function unionColumn(name: string, options: readonly RowOption[], all: readonly RecordType[]): ContractColumn {
  const variants: { types: RecordType[]; contract: ContractColumn; field: Field }[] = [];
  for (const option of options) {
    const field = option.fields.find((candidate) => candidate.name === name)!;
    const contract = compileField(field);
    const same = variants.find((other) => isSame(other, { contract, field }));
    if (same) same.types.push(...option.types!);
    else variants.push({ types: [...option.types!], contract, field });
  }
  const [first, ...others] = variants.map(({ contract, types }) => ({ contract, types }));
  const missing = all.some((type) => !variants.some(({ types }) => types.includes(type)));
  for (const other of others) refuseOtherKind(name, first!, other);
  if (others.length === 0 && !missing) return first!.contract;
  const contracts = variants.map(({ contract }) => contract);
  const mayLackIn = (contracts[0]?.mayLackIn ?? []).filter((group) =>
    contracts.every((contract) => contract.mayLackIn?.includes(group)),
  );
  const { bounds: _, quick: __, proof: ___, mayLack: ____, mayLackIn: _____, ...common } = first!.contract;
  return {
    ...common,
    nullable: missing || contracts.some(({ nullable }) => nullable),
    active: contracts.some(({ active }) => active),
    integer: contracts.every(({ integer }) => integer),
    changes: contracts.some(({ changes }) => changes),
    // Rows of types that do not have the column are null in it all the same.
    ...(contracts.every(({ mayLack }) => mayLack) && { mayLack: true as const }),
    ...(mayLackIn.length > 0 && { mayLackIn }),
    variants: [first!, ...others],
  };
}

/** Whether two record types hold a column to the same: one schema, or schemas that only state the same type. */
function isSame(a: { contract: ContractColumn; field: Field }, b: { contract: ContractColumn; field: Field }): boolean {
  if (a.field.schema === b.field.schema) return String(a.contract.nullableAt) === String(b.contract.nullableAt);
  const facts = ({ contract: { input, output, nullable, nullableAt, active, integer, outputType } }: typeof a) =>
    JSON.stringify([input, output, nullable, nullableAt, active, integer, outputType]);
  return !a.contract.active && facts(a) === facts(b);
}

type Variant = NonNullable<ContractColumn['variants']>[number];

function refuseOtherKind(name: string, a: Variant, b: Variant): void {
  const written = ({ contract: { outputType } }: Variant) => (outputType ? ` written as ${typeText(outputType)}` : '');
  const kind = (variant: Variant) =>
    `${variant.contract.input === variant.contract.output ? '' : `${variant.contract.input} made a `}${variant.contract.output}${written(variant)}`;
  if (kind(a) === kind(b)) return;
  refuse(
    `row.${name}`,
    `is a ${kind(a)} for ${show(a.types[0])} and a ${kind(b)} for ${show(b.types[0])}`,
    'Give the column one type: each record type may check it in its own way.',
  );
}

function compileField({ name, path, groups, optionalGroups, schema }: Field): ContractColumn {
  const column = compileColumn(name, schema);
  if (groups.length === 0) return column;
  const nullableAt = [...groups, column.nullable];
  const mayLackIn = optionalGroups.length > 0 ? { mayLackIn: optionalGroups } : {};
  return { ...column, path, nullableAt, nullable: nullableAt.includes(true), ...mayLackIn };
}

/**
 * Compiles the schema of one column.
 * @param name name of the column
 * @param schema its zod schema
 * @param field path of the field in the declaration, for errors
 * @returns the column
 * @throws `InvalidPipeline` at `field`, for what a column cannot be
 */
export function compileColumn(name: string, schema: core.$ZodType, field = `row.${name}`): ContractColumn {
  const facts = schemaFacts(schema, field);
  const nullable = nullPasses(schema, facts, field);
  if (facts.output === 'unknown') {
    return refuse(
      field,
      'ends in a transform, whose result has no type at run time',
      'Follow it with the type that comes out, as in .transform(...).pipe(z.string()).',
    );
  }
  if (facts.mayGiveNull && !nullable) {
    refuse(field, 'may turn a value into null but is not nullable itself', 'End the schema with .nullable().');
  }
  const outputType = facts.transforms ? writtenAs(facts, facts.output, field) : undefined;
  return {
    name,
    input: facts.input,
    output: facts.output,
    nullable,
    ...(nullable && facts.optional && { mayLack: true as const }),
    emptyType: typeWithoutValues(facts),
    active: facts.active,
    integer: facts.integer,
    changes: facts.changes,
    ...(facts.bounds && { bounds: facts.bounds }),
    ...(outputType && { outputType }),
    ...quick(schema),
    parse: parser(schema, facts.mayGiveNull),
  };
}

/** The Parquet types of JavaScript values of one kind. Of numbers, the schema states a width. */
export const typesOfKinds: Readonly<Record<Exclude<JsKind, 'number' | 'any'>, ColumnType>> = {
  string: type.string.column,
  boolean: type.boolean.column,
  bigint: type.int64.column,
  date: type.timestamp.column,
  bytes: type.bytes.column,
};
const typesOfWidths = { int32: type.int32.column, int64: type.int64.column, double: type.float64.column };

/** The type of a column that holds no value in any file: what the schema would read. */
function typeWithoutValues({ input, output, width }: SchemaFacts): ColumnType {
  if (input === 'number') return typesOfWidths[input === output ? width : 'double'];
  return typesOfKinds[input === 'any' ? 'string' : input];
}

/** The Parquet type of what a transform gives, as the schema behind it states. */
function writtenAs(facts: SchemaFacts, kind: JsKind, field: string): ColumnType {
  if (kind === 'number') return typesOfWidths[facts.width];
  if (kind !== 'any') return typesOfKinds[kind];
  const remedy = 'Follow the transform with the type that comes out, as in .pipe(z.string()).';
  return refuse(field, 'is transformed into any type', remedy);
}

function parser(schema: core.$ZodType, givesNull: boolean): ContractColumn['parse'] {
  return (value) => {
    try {
      const result = core.safeParse(schema, value);
      if (!result.success) return { ok: false, reason: reasonOf(result.error) };
      if (result.data !== null && result.data !== undefined) return { ok: true, value: result.data };
      return givesNull ? { ok: true, value: null } : { ok: false, reason: 'the schema gave null for a value' };
    } catch (thrown) {
      if (thrown instanceof core.$ZodAsyncError) return { ok: false, reason: 'the schema is asynchronous' };
      return { ok: false, reason: `the schema threw: ${thrown instanceof Error ? thrown.message : String(thrown)}` };
    }
  };
}

function quick(schema: core.$ZodType): Pick<ContractColumn, 'quick' | 'proof'> {
  const parse = quickParse(schema);
  const proof = byteProof(schema);
  return {
    ...(parse && { quick: (value: unknown) => (typeof value === 'string' ? parse(value) : undefined) }),
    ...(proof && { proof }),
  };
}
