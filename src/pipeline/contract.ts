/**
 * The row contract: from a zod object to `ContractColumn`s. `compile` calls it once for each pipeline. It must never
 * show a value to a schema, but null.
 */

import { core } from 'zod';
import { limits } from '../limits.ts';
import type { ColumnType } from '../parquet/types.ts';
import { byteProof } from './byte-proof.ts';
import type { ContractColumn, JsKind } from './compiled.ts';
import { type } from './output-type.ts';
import { quickParse } from './quick-parse.ts';
import { refuse } from './refuse.ts';
import { isSchema, nullPasses, reasonOf, type SchemaFacts, schemaFacts } from './schema.ts';

/**
 * Compiles a row contract. Nulls follow the schema: `.nullable()` and `.optional()` both let them pass, and with
 * `.optional()` a file may lack the column; a null is never shown to transforms.
 * @param row a zod object, one schema for each source column
 * @returns the columns, in the order of the object
 * @throws `InvalidPipeline` at `row` or `row.<column>`, for what a column cannot be and for what would be ignored
 *   (strict objects, checks across columns)
 */
export function compileContract(row: unknown): ContractColumn[] {
  if (!isSchema(row) || row._zod.def.type !== 'object') {
    return refuse('row', 'is not a zod object', 'Describe a source row with z.object({ column: z.string(), ... }).');
  }
  const def = row._zod.def as core.$ZodObjectDef;
  if (def.catchall?._zod.def.type === 'never') {
    refuse('row', 'is a strict object', 'Use z.object(): columns of the file that it does not name are not read.');
  }
  if (def.checks?.length) {
    refuse('row', 'has checks across columns', 'Check columns one by one; select rows with where.');
  }
  const fields = Object.entries(def.shape);
  if (fields.length === 0) refuse('row', 'names no column');
  if (fields.length > limits.columnsMax) {
    refuse('row', `names ${fields.length} columns`, `Name at most ${limits.columnsMax} columns.`);
  }
  return fields.map(([name, schema]) => compileColumn(name, schema as core.$ZodType));
}

function compileColumn(name: string, schema: core.$ZodType): ContractColumn {
  const field = `row.${name}`;
  if (name === '') refuse('row', 'has a column without a name');
  if (!isSchema(schema))
    refuse(field, 'is not a zod schema', "Give a type, as in z.string(); import { z } from 'zod'.");
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

/** The type of a column that holds no value in any file: what the schema would read. */
function typeWithoutValues({ input, output, width }: SchemaFacts): ColumnType {
  switch (input) {
    case 'number':
      return { int32: type.int32, int64: type.int64, double: type.float64 }[input === output ? width : 'double'].column;
    case 'boolean':
      return type.boolean.column;
    case 'bigint':
      return type.int64.column;
    case 'date':
      return type.timestamp.column;
    case 'bytes':
      return type.bytes.column;
    default:
      return type.string.column;
  }
}

/** The Parquet type of what a transform gives, as the schema behind it states. */
function writtenAs(facts: SchemaFacts, kind: JsKind, field: string): ColumnType {
  switch (kind) {
    case 'string':
      return type.string.column;
    case 'boolean':
      return type.boolean.column;
    case 'bigint':
      return type.int64.column;
    case 'date':
      return type.timestamp.column;
    case 'bytes':
      return type.bytes.column;
    case 'number':
      return { int32: type.int32, int64: type.int64, double: type.float64 }[facts.width].column;
    case 'any':
      return refuse(
        field,
        'is transformed into any type',
        'Follow the transform with the type that comes out, as in .pipe(z.string()).',
      );
  }
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
