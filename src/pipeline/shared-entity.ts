/**
 * `shared`: a keyed entity that several pipelines have, declared once: its ID, key, columns and choices. Each pipeline says
 * where the values come from. `entities.ts` compiles what it says. Here nothing may depend on a pipeline.
 */
import type { core } from 'zod';
import { didYouMean } from '../nearest.ts';
import { typeText } from '../parquet/type-text.ts';
import type { ColumnType } from '../parquet/types.ts';
import { kindsOf, type Scope } from './columns.ts';
import type { OutColumn } from './compiled.ts';
import { kindsOfType } from './derived.ts';
import { checkSharedName } from './names.ts';
import { isOutputType, type OutputType } from './output-type.ts';
import { record, refuse, show } from './refuse.ts';
import { isSchema } from './schema.ts';
import type { SequenceSettings } from './words.ts';

/** What a shared entity declares. */
export interface SharedSettings<
  N extends string = string,
  K = Readonly<Record<string, core.$ZodType>>,
  C = Readonly<Record<string, OutputType<unknown>>>,
> extends SequenceSettings {
  /**
   * Name of the ID column.
   * @example
   * const customers = shared('customers', { id: 'customer_id', key: { email: z.string() } });
   */
  readonly id: N;
  /**
   * Name of the sequence of its IDs.
   * @default the name of the shared entity
   * @example
   * const customers = shared('customers', { id: 'customer_id', sequence: 'shop.parties', key: { email: z.string() } });
   */
  readonly sequence?: string;
  /**
   * The natural key: component → zod type. Each pipeline says which source columns they are.
   * @example
   * const customers = shared('customers', { id: 'customer_id', key: { country: z.string(), no: z.int() } });
   */
  readonly key: K;
  /**
   * Attributes: output column → type. They are in the datasets of all pipelines; where a pipeline does not say what one
   * is, it is null.
   * @default none
   * @example
   * const customers = shared('customers', {
   *   id: 'customer_id',
   *   key: { email: z.string() },
   *   columns: { name: type.string, born: type.date },
   * });
   */
  readonly columns?: C;
  /**
   * Hash partitions of the key index, 1 to 64.
   * @default 1
   * @example
   * const customers = shared('customers', { id: 'customer_id', key: { email: z.string() }, partitions: 8 });
   */
  readonly partitions?: number;
  /**
   * Which keys of a run get a row in its files: those that are new, or all that it has seen.
   * @default 'new'
   * @example
   * const customers = shared('customers', { id: 'customer_id', key: { email: z.string() }, publish: 'seen' });
   */
  readonly publish?: 'new' | 'seen';
  /**
   * What becomes of attributes that change after a key was published.
   * @default 'ignore'
   * @example
   * const customers = shared('customers', {
   *   id: 'customer_id',
   *   key: { email: z.string() },
   *   columns: { name: type.string },
   *   onChange: 'report',
   * });
   */
  readonly onChange?: 'ignore' | 'report';
}

/** What `shared` gives. */
export interface SharedEntity<N extends string = string, K = unknown, C = unknown> {
  readonly kind: 'shared';
  readonly name: string;
  readonly settings: SharedSettings<N, K, C>;
}

/**
 * Declares a keyed entity that several pipelines share: the same key has the same ID in all of them, and its datasets have
 * the same columns. Declare it once, in a module that all these pipelines import, and name it in their entities.
 * @param name name of the entity's key index and, if no other is given, of its sequence: lower-case letter, then up to 126
 *   of `a-z 0-9 _ . -`
 * @param settings ID, key, columns and choices
 * @returns the entity, for `{ kind: 'shared', entity: ... }` in the entities of a pipeline
 * @example
 * const customers = shared('customers', {
 *   id: 'customer_id',
 *   key: { email: z.string() },
 *   columns: { first_seen: type.timestamp },
 * });
 * pipeline({
 *   ...rest,
 *   entities: ({ first }) => ({
 *     customers: {
 *       kind: 'shared',
 *       entity: customers,
 *       key: { email: 'email' },
 *       columns: { first_seen: first('sold_at') },
 *     },
 *   }),
 * });
 */
export function shared<
  const N extends string,
  const K extends Readonly<Record<string, core.$ZodType>>,
  const C extends Readonly<Record<string, OutputType<unknown>>> = Readonly<Record<never, never>>,
>(name: string, settings: SharedSettings<N, K, C>): SharedEntity<N, K, C> {
  return Object.freeze({ kind: 'shared', name, settings });
}

const options = ['id', 'sequence', 'start', 'step', 'key', 'columns', 'partitions', 'publish', 'onChange'];

/** A shared entity that a pipeline uses. */
export interface UsedShared {
  /** Kinds of the key's components, as they are declared. */
  key: Record<string, core.$ZodType>;
  /** What the pipeline would have declared by itself; columns that it does not say are null. */
  spec: Record<string, unknown>;
  /** Types of the attribute columns. */
  types: Record<string, ColumnType>;
  /** The declaration as a text: equal texts, equal declarations. */
  declared: string;
}

/**
 * Puts together what the shared entity declares and what a pipeline says of it.
 * @param used what the pipeline says: `entity`, key and columns
 * @param field path of the entity in the declaration, for errors
 * @returns the entity, as it would be declared by itself
 * @throws `InvalidPipeline` at the field that is wrong
 */
export function usedShared(used: Record<string, unknown>, field: string): UsedShared {
  const { entity: given, key, columns: from = {}, ...rest } = used;
  const entity = given as Partial<SharedEntity> | null;
  if (typeof entity !== 'object' || entity?.kind !== 'shared') {
    return refuse(
      `${field}.entity`,
      `${show(given)} is not a shared entity`,
      "Declare it with shared('name', { ... }), once.",
    );
  }
  const name = checkSharedName(entity.name, field);
  const at = `shared ${name}`;
  const settings = record(entity.settings, at, options);
  const keyTypes = record(settings.key, `${at}.key`);
  for (const [component, schema] of Object.entries(keyTypes)) {
    if (!isSchema(schema)) refuse(`${at}.key.${component}`, 'is not a zod schema', 'Give a type, as in z.string().');
  }
  const given_ = key === undefined ? keyTypes : record(key, `${field}.key`);
  sameNames(Object.keys(given_), Object.keys(keyTypes), `${field}.key`, name);
  const types = columnTypes(settings.columns, at);
  const columns = record(from, `${field}.columns`);
  for (const column of Object.keys(columns)) {
    if (!Object.hasOwn(types, column))
      refuse(
        `${field}.columns.${column}`,
        `the shared entity '${name}' has no column '${column}'`,
        didYouMean(column, Object.keys(types)),
      );
  }
  const { id, sequence, start, step, partitions, publish, onChange } = settings;
  return {
    spec: {
      ...rest,
      id: { kind: 'id', column: id, settings: dropUndefined({ sequence, start, step }) },
      key: Object.fromEntries(Object.keys(keyTypes).map((component) => [component, given_[component]])),
      columns: Object.fromEntries(Object.keys(types).map((column) => [column, columns[column]])),
      index: { kind: 'sharedIndex', name },
      ...dropUndefined({ partitions, publish, onChange }),
    },
    key: keyTypes as Record<string, core.$ZodType>,
    types,
    declared: declaredText(settings, keyTypes, types),
  };
}

function sameNames(given: readonly string[], wanted: readonly string[], field: string, entity: string): void {
  for (const name of given) {
    if (!wanted.includes(name))
      refuse(`${field}.${name}`, `the key of '${entity}' has no '${name}'`, didYouMean(name, wanted));
  }
  const missing = wanted.find((name) => !given.includes(name));
  if (missing !== undefined)
    refuse(field, `the key of '${entity}' needs '${missing}'`, `Say which source column '${missing}' is.`);
}

function columnTypes(given: unknown, at: string): Record<string, ColumnType> {
  const columns = Object.entries(record(given ?? {}, `${at}.columns`));
  return Object.fromEntries(
    columns.map(([name, type]) => {
      if (!isOutputType(type))
        return refuse(`${at}.columns.${name}`, `${show(type)} is not a type`, 'Use type.string or another.');
      return [name, type.column];
    }),
  );
}

function dropUndefined(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

function declaredText(
  { key: _, columns: __, ...settings }: Record<string, unknown>,
  key: Record<string, unknown>,
  types: Record<string, ColumnType>,
): string {
  const kinds = Object.entries(key).map(([name, schema]) => [name, (schema as core.$ZodType)._zod.def.type]);
  const columns = Object.entries(types).map(([name, type]) => [name, typeText(type)]);
  const text = (_: string, value: unknown) => (typeof value === 'bigint' ? Number(value) : value);
  return JSON.stringify([Object.entries(settings).sort(), kinds, columns], text);
}

/**
 * Holds a column of a pipeline to the type that the shared entity declares for it.
 * @param column the column, compiled
 * @param declared the type
 * @param scope what names are resolved against
 * @param field path of the field in the declaration, for errors
 * @throws `InvalidPipeline` when it is of another type
 */
export function checkSharedColumn(column: OutColumn, declared: ColumnType, scope: Scope, field: string): void {
  const wanted = typeText(declared);
  if (column.kind === 'copy') {
    const kinds = kindsOf(column.source, scope);
    if (kinds.some((kind) => kind === 'any' || kindsOfType(declared).includes(kind))) return;
    refuse(field, `is a ${kinds[0]}, and ${wanted} in the shared entity`, 'Use map() to make it that type.');
  }
  const own = 'type' in column ? typeText(column.type) : 'INT64';
  if (own !== wanted) refuse(field, `is ${own}, and ${wanted} in the shared entity`, 'Give both the same type.');
}
