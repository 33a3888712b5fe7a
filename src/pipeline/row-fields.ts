/**
 * The fields of a row contract: a zod object, whose nested objects are groups of columns, or a discriminated union of
 * such objects. `contract.ts` compiles what is found here. It must never look into the schema of a column.
 */
import type { core } from 'zod';
import type { RecordType } from './compiled.ts';
import { refuse, show } from './refuse.ts';
import { isSchema } from './schema.ts';

/** A column as the contract declares it. */
export interface Field {
  /** Path with dots. */
  name: string;
  path: string[];
  /** By group of the path: whether null passes there. */
  groups: boolean[];
  /** Names of groups of the path that a file may lack as a whole. */
  optionalGroups: string[];
  schema: core.$ZodType;
}

/** One object of a row contract. */
export interface RowOption {
  /** The record types that it is for; undefined where the contract is one object. */
  types: RecordType[] | undefined;
  fields: Field[];
  checks: readonly core.$ZodCheck[];
}

/** A row contract, taken apart. */
export interface RowShape {
  /** The column that tells the options apart; undefined where the contract is one object. */
  discriminator: string | undefined;
  options: RowOption[];
  /** Checks of the union as a whole. */
  checks: readonly core.$ZodCheck[];
}

/** Groups within groups at most: a schema may contain itself. */
const groupDepthMax = 16;

/**
 * Takes a row contract apart.
 * @param row what the definition says
 * @returns its objects, one or several
 * @throws `InvalidPipeline` at `row` or `row.<column>`
 */
export function rowShape(row: unknown): RowShape {
  const remedy = 'Describe a source row with z.object({ column: z.string(), ... }), or z.discriminatedUnion() of such.';
  if (!isSchema(row)) return refuse('row', 'is not a zod object', remedy);
  const def = row._zod.def as core.$ZodTypeDef & { discriminator?: string };
  if (def.type === 'object') {
    return { discriminator: undefined, options: [optionOf(row, undefined, 'row')], checks: [] };
  }
  if (def.type !== 'union' || def.discriminator === undefined) return refuse('row', 'is not a zod object', remedy);
  const { discriminator, options } = def as core.$ZodDiscriminatedUnionDef;
  const each = options.map((option) => {
    if ((option as core.$ZodType)._zod.def.type !== 'object') {
      return refuse('row', 'is a union of something else than objects', 'Use one list of z.object({ ... }).');
    }
    return optionOf(option as core.$ZodType, recordTypesOf(option as core.$ZodType, discriminator), 'row');
  });
  return { discriminator, options: each, checks: def.checks ?? [] };
}

function recordTypesOf(option: core.$ZodType, discriminator: string): RecordType[] {
  return [...(option._zod.propValues?.[discriminator] ?? [])].map((value) => {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
    return refuse(
      `row.${discriminator}`,
      `${show(value)} is not a record type`,
      'Use texts, numbers or booleans to tell record types apart.',
    );
  });
}

function optionOf(row: core.$ZodType, types: RecordType[] | undefined, field: string): RowOption {
  const { checks = [] } = row._zod.def;
  return { types, fields: fieldsOf(row, [], [], [], field), checks };
}

function fieldsOf(
  object: core.$ZodType,
  path: string[],
  groups: boolean[],
  optionalGroups: string[],
  field: string,
): Field[] {
  const def = object._zod.def as core.$ZodObjectDef;
  if (def.catchall?._zod.def.type === 'never') {
    refuse(field, 'is a strict object', 'Use z.object(): columns of the file that it does not name are not read.');
  }
  return Object.entries(def.shape).flatMap(([name, schema]) => {
    if (name === '') refuse(field, 'has a column without a name');
    const at = `${field}.${name}`;
    const own = [...path, name];
    if (!isSchema(schema)) {
      return refuse(at, 'is not a zod schema', "Give a type, as in z.string(); import { z } from 'zod'.");
    }
    const group = groupIn(schema);
    if (!group) return [{ name: own.join('.'), path: own, groups, optionalGroups, schema }];
    if (groups.length >= groupDepthMax) refuse(at, `is more than ${groupDepthMax} groups deep`, 'Name fewer levels.');
    if (group.object._zod.def.checks?.length || schema._zod.def.checks?.length) {
      refuse(at, 'has checks across the columns of a group', 'Put them at the row: z.object({ ... }).refine(...).');
    }
    const optional = group.optional ? [...optionalGroups, own.join('.')] : optionalGroups;
    const found = fieldsOf(group.object, own, [...groups, group.nullable], optional, at);
    if (found.length === 0) refuse(at, 'is a group that names no column');
    return found;
  });
}

/** The object in a field's schema, and whether the group may be null, or be no column of a file. */
function groupIn(schema: core.$ZodType): { object: core.$ZodType; nullable: boolean; optional: boolean } | undefined {
  const def = schema._zod.def as core.$ZodTypeDef & { innerType?: core.$ZodType };
  if (def.type === 'object') return { object: schema, nullable: false, optional: false };
  if ((def.type !== 'nullable' && def.type !== 'optional') || !def.innerType) return undefined;
  const inner = groupIn(def.innerType);
  return inner && { ...inner, nullable: true, optional: inner.optional || def.type === 'optional' };
}
