/**
 * What a zod schema says about a column, found by looking into it: the JavaScript kinds it takes in and gives out,
 * whether it can refuse or change values, and bounds. A schema that cannot be known for sure at start-up is refused,
 * never guessed. Source: zod 4, `zod/v4/core/schemas.d.ts` and `checks.d.ts`.
 */
import { core } from 'zod';
import { OrdinalError } from '../errors.ts';
import type { JsKind } from './compiled.ts';
import { refuse, show } from './refuse.ts';
import { type CheckFacts, checkFacts, type NumberBounds } from './schema-checks.ts';

/** What a schema takes in, gives out, and may refuse or change. */
export interface SchemaFacts {
  input: JsKind;
  /** `unknown` when a transform comes last, whose result no schema states. */
  output: JsKind | 'unknown';
  /** Whether the structure admits null, undefined: whether they really pass is found by trying. */
  admitsNull: boolean;
  admitsUndefined: boolean;
  /** Whether `.optional()` says that the column may be missing. */
  optional: boolean;
  /** Whether it may give null for a value although it does not admit null. */
  mayGiveNull: boolean;
  active: boolean;
  changes: boolean;
  /** Whether the value passes through a transform or coercion: the output's type is then the last schema's. */
  transforms: boolean;
  integer: boolean;
  /** Of the output, where it is a number: what Parquet integer it fits. */
  width: 'int32' | 'int64' | 'double';
  bounds: NumberBounds | undefined;
}

/**
 * True for any schema of zod 4, classic or mini.
 * @param value anything
 * @returns true for a schema
 */
export function isSchema(value: unknown): value is core.$ZodType {
  return typeof value === 'object' && value !== null && '_zod' in value;
}

function base(kind: JsKind, more: Partial<SchemaFacts> = {}): SchemaFacts {
  return {
    input: kind,
    output: kind,
    admitsNull: false,
    admitsUndefined: false,
    optional: false,
    mayGiveNull: false,
    active: false,
    changes: false,
    transforms: false,
    integer: false,
    width: 'double',
    bounds: undefined,
    ...more,
  };
}

const flat = 'Use a string, number, int, bigint, boolean, date, enum, literal or bytes (z.instanceof(Uint8Array)).';
const noFallback =
  'Let nulls pass with .nullable() and replace them in a map or compute column; quarantine invalid rows with onInvalid.';

/**
 * The facts of a schema.
 * @param schema a zod schema of one column
 * @param field path of the field in the declaration, for errors
 * @returns the facts
 * @throws `InvalidPipeline` at `field`, for a schema that a column cannot have
 */
export function schemaFacts(schema: core.$ZodType, field: string): SchemaFacts {
  const def = (schema as core.$ZodTypes)._zod.def;
  const checks = checkFacts(schema, field);
  switch (def.type) {
    case 'string':
    case 'boolean':
    case 'bigint':
    case 'date':
      return withChecks(scalar(def.type, def.coerce === true), checks);
    case 'number':
      return withChecks(scalar('number', def.coerce === true), checks);
    case 'template_literal':
      return withChecks(base('string', { active: true }), checks);
    case 'enum':
      return withChecks(literals([...(schema._zod.values ?? [])], field), checks);
    case 'literal':
      return withChecks(literals(def.values, field), checks);
    case 'any':
    case 'unknown':
      return withChecks(base('any', { admitsNull: true, admitsUndefined: true }), checks);
    case 'custom':
      return withChecks(custom(schema), checks);
    case 'null':
      return base('any', { admitsNull: true, active: true });
    case 'undefined':
      return base('any', { admitsUndefined: true, active: true });
    case 'nullable':
      return withChecks({ ...schemaFacts(def.innerType, field), admitsNull: true }, checks);
    case 'optional':
      return withChecks({ ...schemaFacts(def.innerType, field), admitsUndefined: true, optional: true }, checks);
    case 'nonoptional':
      return withChecks({ ...schemaFacts(def.innerType, field), admitsUndefined: false, optional: false }, checks);
    case 'readonly':
      return withChecks(schemaFacts(def.innerType, field), checks);
    case 'union':
      return withChecks(union(def.options, field), checks);
    case 'pipe':
      return withChecks(pipe(def, field), checks);
    case 'transform':
      return refuse(
        field,
        'is a transform that no schema precedes',
        'Begin with the type that comes in, as in z.string().transform(...).pipe(z.int()).',
      );
    case 'default':
    case 'prefault':
      return refuse(
        field,
        `has .${def.type}(), which zod applies to undefined only and a column holds nulls`,
        noFallback,
      );
    case 'catch':
      return refuse(field, 'has .catch(), which would replace invalid values without a trace', noFallback);
    default:
      return refuse(field, `z.${def.type}() is not a column`, flat);
  }
}

/** Kind and flags of `z.string()` and the like; with coercion anything comes in. */
function scalar(kind: JsKind, coerce: boolean): SchemaFacts {
  const facts = base(kind);
  return coerce ? { ...facts, input: 'any', active: true, changes: true, transforms: true } : facts;
}

function withChecks(facts: SchemaFacts, checks: CheckFacts): SchemaFacts {
  if (!checks.other && !checks.bounded && !checks.integer && !checks.width) return facts;
  const onlyBounds = !facts.active && !checks.other && facts.output === 'number';
  return {
    ...facts,
    active: facts.active || checks.other || checks.bounded,
    changes: facts.changes || checks.changes,
    integer: facts.integer || (checks.integer && facts.input === 'number'),
    width: checks.width ?? facts.width,
    bounds: onlyBounds && checks.bounded ? checks.bounds : undefined,
  };
}

function literals(values: readonly unknown[], field: string): SchemaFacts {
  const kinds = new Set(values.filter((v) => v !== null && v !== undefined).map((v) => typeof v));
  const [kind] = kinds;
  if (kinds.size !== 1 || (kind !== 'string' && kind !== 'number' && kind !== 'bigint' && kind !== 'boolean')) {
    return refuse(field, `has values of ${kinds.size} types`, 'Give the column one type.');
  }
  const integer = kind === 'number' && values.every((v) => v === null || v === undefined || Number.isSafeInteger(v));
  return base(kind, {
    active: true,
    admitsNull: values.includes(null),
    admitsUndefined: values.includes(undefined),
    integer,
    width: integer ? 'int64' : 'double',
  });
}

function custom(schema: core.$ZodType): SchemaFacts {
  const { Class } = schema._zod.bag as { Class?: unknown };
  if (Class === Uint8Array) return base('bytes');
  if (Class === Date) return base('date');
  // Whether its function would take a null is not asked: its type does not say so, and .nullable() does.
  return base('any', { active: true });
}

function union(options: readonly core.$ZodType[], field: string): SchemaFacts {
  const all = options.map((option) => schemaFacts(option, field));
  const isNothing = (_: unknown, i: number) => !['null', 'undefined'].includes(options[i]!._zod.def.type);
  const some = all.filter(isNothing);
  const first = some[0];
  if (!first) return refuse(field, 'is a union of nothing', flat);
  for (const other of some) {
    if (other.input !== first.input || other.output !== first.output) {
      refuse(field, `is a union of ${first.input} and ${other.input}`, 'Give the column one type.');
    }
  }
  return {
    ...first,
    active: some.length > 1 || first.active,
    changes: some.some((f) => f.changes),
    transforms: some.some((f) => f.transforms),
    integer: some.every((f) => f.integer),
    width: some.every((f) => f.width === first.width) ? first.width : 'double',
    admitsNull: all.some((f) => f.admitsNull),
    admitsUndefined: all.some((f) => f.admitsUndefined),
    optional: all.some((f) => f.optional),
    mayGiveNull: some.some((f) => f.mayGiveNull),
    bounds: some.length > 1 ? undefined : first.bounds,
  };
}

/** `.transform()`, `.pipe()`, `z.preprocess()`, `z.codec()`, `z.stringbool()`: all are pipes in zod 4. */
function pipe(def: core.$ZodPipeDef, field: string): SchemaFacts {
  const inner = def.in._zod.def.type === 'transform' ? preprocess : schemaFacts(def.in as core.$ZodType, field);
  const asyncTransform = [def.in, def.out, { _zod: { def } }].some(isAsyncTransform);
  if (asyncTransform) refuse(field, 'has an async transform', 'Use a plain function: values are checked at once.');
  if (def.out._zod.def.type === 'transform') {
    return { ...inner, output: 'unknown', active: true, changes: true, transforms: true, bounds: undefined };
  }
  const outer = schemaFacts(def.out as core.$ZodType, field);
  const transforms = inner.transforms || outer.transforms || def.transform !== undefined;
  if (!transforms && inner.output !== outer.input && outer.input !== 'any' && inner.output !== 'any') {
    refuse(field, `pipes a ${inner.output} into a ${outer.input}`, 'Put a .transform() between them.');
  }
  return {
    ...outer,
    input: inner.input,
    admitsNull: inner.admitsNull,
    admitsUndefined: inner.admitsUndefined,
    optional: inner.optional,
    mayGiveNull: transforms && outer.output !== 'any' && (outer.admitsNull || outer.admitsUndefined),
    active: inner.active || outer.active || transforms,
    changes: inner.changes || outer.changes || transforms,
    transforms,
    integer: inner.integer,
    bounds: undefined,
  };
}

/** `z.preprocess(fn, ...)`: takes in anything, and its function sees nulls. */
const preprocess = base('any', { active: true, changes: true, transforms: true });

function isAsyncTransform(schema: { _zod: { def: object } }): boolean {
  const fn = (schema._zod.def as { transform?: unknown }).transform;
  return typeof fn === 'function' && fn.constructor.name === 'AsyncFunction';
}

/**
 * The schema's first complaint about a value, in words.
 * @param error what zod says of a value
 * @returns the messages, joined
 */
export function reasonOf(error: core.$ZodError): string {
  return error.issues.map((issue) => issue.message).join('; ') || 'invalid';
}

/**
 * Whether a null passes the schema.
 * @param schema a zod schema of one column
 * @param facts the facts of the schema
 * @param field path of the field in the declaration, for errors
 * @returns true when it passes
 * @throws `InvalidPipeline` when the schema would turn nulls into values
 */
export function nullPasses(schema: core.$ZodType, facts: SchemaFacts, field: string): boolean {
  const nothings = [...(facts.admitsNull ? [null] : []), ...(facts.admitsUndefined ? [undefined] : [])];
  return nothings.some((nothing) => {
    try {
      const result = core.safeParse(schema, nothing);
      if (result.success && result.data !== null && result.data !== undefined) {
        refuse(field, `turns ${nothing} into ${show(result.data)}`, noFallback);
      }
      return result.success;
    } catch (thrown) {
      if (thrown instanceof core.$ZodAsyncError)
        refuse(field, 'is asynchronous', 'Use plain functions in refinements.');
      if (thrown instanceof OrdinalError) throw thrown;
      return refuse(
        field,
        `throws on ${nothing}: ${thrown instanceof Error ? thrown.message : thrown}`,
        'Put .nullable() last.',
      );
    }
  });
}
