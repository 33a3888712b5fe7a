/**
 * Output columns: from the builder's tagged values to `OutColumn`s. `entities.ts` calls it for each column. It must
 * never call a user's function.
 */
import { didYouMean } from '../nearest.ts';
import type { ColumnType } from '../parquet/types.ts';
import type { ContractColumn, JsKind, OutColumn, Predicate, RecordType } from './compiled.ts';
import { constantProblem } from './constant.ts';
import { type DerivedColumns, kindsOfType, typeOfConstant } from './derived.ts';
import { isOutputType, type OutputType, type } from './output-type.ts';
import { plainFunction, record, refuse, show } from './refuse.ts';
import type { Sequences } from './sequences.ts';
import { missingId } from './unknown-members.ts';

/** The key of a keyed entity, resolved before any column is. */
export interface ResolvedKey {
  components: { name: string; input: JsKind; kinds: JsKind[] }[];
  /** Contract or derived columns aligned to `components`; undefined when only references feed the entity. */
  ownFeed: string[] | undefined;
}

/** What the columns of one pipeline are resolved against. */
export interface Scope {
  /** Columns of the row contract and of folders, as rows of the entity's record types have them. */
  contract: ReadonlyMap<string, ContractColumn>;
  /** The record types of the entity's rows, where they are not all. */
  when: { column: string; types: RecordType[] } | undefined;
  /** Name of the entity, where it has a predicate. */
  selectedBy: string | undefined;
  derived: DerivedColumns;
  /** Of keyed entities. */
  keys: ReadonlyMap<string, ResolvedKey>;
  /** Names of rows entities. */
  rows: ReadonlySet<string>;
  sequences: Sequences;
}

type Tagged = { kind: string } & Record<string, unknown>;

/**
 * Checks that a name is that of a contract column.
 * @param name what the declaration says
 * @param scope what names are resolved against
 * @param field path of the field in the declaration, for errors
 * @returns the name
 * @throws `InvalidPipeline` at the field that is wrong
 */
export function sourceColumn(name: unknown, scope: Scope, field: string): string {
  if (typeof name !== 'string') return refuse(field, `${show(name)} is not the name of a source column`);
  if (scope.contract.has(name)) return name;
  const { when } = scope;
  const of = when ? `rows of ${when.column} ${when.types.map(show).join(', ')} have` : 'the row contract has';
  return refuse(field, `${of} no column '${name}'`, didYouMean(name, scope.contract.keys()));
}

/**
 * What stands for a component of a key: a source column, or a word for a derived one.
 * @param given what the declaration says
 * @param scope what names are resolved against
 * @param field path of the field in the declaration, for errors
 * @returns the name of the contract or derived column
 * @throws `InvalidPipeline` at the field that is wrong
 */
export function keyColumn(given: unknown, scope: Scope, field: string): string {
  const word = given as Tagged | null | undefined;
  switch (typeof word === 'object' ? word?.kind : undefined) {
    case 'constant': {
      const { type: columnType, value } = constantOf(word!, field);
      if (typeof value === 'object' && !(value instanceof Date))
        refuse(field, 'is a constant that no key can have', 'Use a text, a number, a boolean or a date.');
      return scope.derived.use({ kind: 'constant', type: columnType, value }, undefined, field);
    }
    case 'map':
    case 'compute': {
      const fn = plainFunction(word!.fn, field);
      const sources = sourceColumns(word!.kind === 'map' ? [word!.source] : word!.sources, scope, field);
      const { column } = outputType(word!.type, field);
      const { selectedBy } = scope;
      const made = {
        kind: 'compute',
        type: column,
        sources,
        ...(selectedBy !== undefined && { selectedBy }),
        fn,
      } as const;
      return scope.derived.use(made, word!.fn, field);
    }
    case 'sourceFile':
    case 'sourceRow':
      return placeColumn(word!.kind, scope, field);
    default:
      return sourceColumn(given, scope, field);
  }
}

function placeColumn(kind: string, scope: Scope, field: string): string {
  return scope.derived.use({ kind: kind === 'sourceFile' ? 'file' : 'row' }, undefined, field);
}

/**
 * The JavaScript kinds of a column's values.
 * @param name name of a contract or derived column
 * @param scope what names are resolved against
 * @returns the kinds, the usual one first; several where a type has several
 */
export function kindsOf(name: string, scope: Scope): JsKind[] {
  const contract = scope.contract.get(name);
  return contract ? [contract.output] : kindsOfType(scope.derived.get(name)!.type);
}

function constantOf(word: Tagged, field: string): { type: ColumnType; value: unknown } {
  const { value } = word;
  const inferred = word.type === undefined ? typeOfConstant(value) : undefined;
  const columnType = inferred ?? outputType(word.type, field).column;
  const problem = constantProblem(value, columnType);
  if (problem) refuse(field, problem, 'Give a value of the stated type.');
  return { type: columnType, value };
}

function sourceColumns(names: unknown, scope: Scope, field: string): string[] {
  if (!Array.isArray(names)) return refuse(field, `${show(names)} is not a list of source columns`, "Use ['a', 'b'].");
  if (names.length === 0) refuse(field, 'names no source column', 'Name at least one; constant() needs none.');
  return names.map((name) => sourceColumn(name, scope, field));
}

/**
 * Compiles the `where` of an entity.
 * @param where what the declaration says
 * @param scope what names are resolved against
 * @param field path of the field in the declaration, for errors
 * @returns the predicate; undefined when there is none
 * @throws `InvalidPipeline` at the field that is wrong
 */
export function compilePredicate(where: unknown, scope: Scope, field: string): Predicate | undefined {
  const own = ownPredicate(where, scope, field);
  const { when } = scope;
  if (!when) return own;
  const types = new Set<unknown>(when.types);
  if (!own) return { columns: [when.column], test: (type) => types.has(type) };
  // The author's function is never shown a row of another type.
  return {
    columns: [when.column, ...own.columns],
    test: (type, ...values) => types.has(type) && own.test(...values),
  };
}

function ownPredicate(where: unknown, scope: Scope, field: string): Predicate | undefined {
  if (where === undefined) return undefined;
  const tagged = where as Tagged | null;
  if (typeof tagged !== 'object' || tagged?.kind !== 'where') {
    return refuse(field, `is ${show(where)}`, "Use where(['column'], (value) => ...).");
  }
  const fn = plainFunction(tagged.fn, field);
  return { columns: sourceColumns(tagged.sources, scope, field), test: (...values) => Boolean(fn(...values)) };
}

const rowsWords =
  "'source column', map(), compute(), constant(), nextId(), ref(), rowRef(), sourceFile() or sourceRow()";
const keyedWords = 'first(), map(), compute(), constant(), nextId(), ref(), sourceFile() or sourceRow()';

/**
 * Compiles one declared column.
 * @param name name of the output column
 * @param declared what the declaration says
 * @param entity the entity that the column belongs to
 * @param scope what names are resolved against
 * @param field path of the field in the declaration, for errors
 * @returns the column, as the engine knows it
 * @throws `InvalidPipeline` at the field that is wrong
 */
export function compileColumn(
  name: string,
  declared: unknown,
  entity: { kind: 'rows' | 'keyed'; name: string },
  scope: Scope,
  field: string,
): OutColumn {
  const inRows = entity.kind === 'rows';
  if (typeof declared === 'string') {
    if (!inRows)
      refuse(field, 'a keyed entity has one row for many source rows', `Say which value: first('${declared}').`);
    return { kind: 'copy', name, source: sourceColumn(declared, scope, field) };
  }
  const column = declared as Tagged | null | undefined;
  switch (typeof column === 'object' ? column?.kind : undefined) {
    case 'first':
      if (inRows) refuse(field, 'first() belongs to keyed entities', `Use the source column's name alone.`);
      return { kind: 'copy', name, source: sourceColumn(column!.source, scope, field) };
    case 'map':
      return compileMap(name, column!, scope, field);
    case 'compute': {
      const fn = plainFunction(column!.fn, field);
      const sources = sourceColumns(column!.sources, scope, field);
      return { kind: 'compute', name, sources, type: outputType(column!.type, field).column, fn };
    }
    case 'constant':
      return { kind: 'constant', name, ...constantOf(column!, field) };
    case 'sourceFile':
    case 'sourceRow':
      return { kind: 'copy', name, source: placeColumn(column!.kind, scope, field) };
    case 'nextId':
      return { kind: 'id', name, sequence: scope.sequences.use(column!.sequence, column!.settings, field) };
    case 'ref': {
      const missing = missingId(column!.settings ?? {}, field);
      const { entity, columns } = resolveReference(column!, scope, field);
      return { kind: 'ref', name, entity, columns, ...(missing !== undefined && { missing }) };
    }
    case 'rowRef':
      if (!inRows)
        refuse(field, 'rowRef() belongs to rows entities', 'Use it in a rows entity: a key has many source rows.');
      return { kind: 'rowRef', name, entity: rowsEntity(column!.entity, entity.name, scope, field) };
    default:
      return refuse(field, `${show(declared)} is not a column`, `Use ${inRows ? rowsWords : keyedWords}.`);
  }
}

function compileMap(name: string, column: Tagged, scope: Scope, field: string): OutColumn {
  const fn = plainFunction(column.fn, field);
  const source = sourceColumn(column.source, scope, field);
  const { nullable } = scope.contract.get(source)!;
  return { kind: 'map', name, source, type: outputType(column.type, field).column, nulls: nullable, fn };
}

function outputType(given: unknown, field: string): OutputType<unknown> {
  if (isOutputType(given)) return given;
  if (typeof given === 'function')
    return refuse(field, 'has a type that needs arguments', 'Give the arguments, as in type.decimal(12, 2).');
  const names = Object.keys(type).map((n) => `type.${n}`);
  return refuse(field, `${show(given)} is not a type`, `Give one last: ${names.join(', ')}.`);
}

function rowsEntity(target: unknown, self: string, scope: Scope, field: string): string {
  if (target === self)
    refuse(field, `refers to '${self}', the entity it is in`, 'Leave it out: the ID is already there.');
  if (typeof target === 'string' && scope.rows.has(target)) return target;
  const isKeyed = typeof target === 'string' && scope.keys.has(target);
  const remedy = isKeyed
    ? `Use ref('${target}', { ... }): '${target}' is keyed.`
    : didYouMean(String(target), scope.rows);
  return refuse(field, `there is no rows entity ${show(target)}`, remedy);
}

/** A reference's entity, and its source columns aligned to the entity's key. */
function resolveReference(column: Tagged, scope: Scope, field: string): { entity: string; columns: string[] } {
  const { entity } = column;
  const key = typeof entity === 'string' ? scope.keys.get(entity) : undefined;
  if (typeof entity !== 'string' || !key) {
    const isRows = typeof entity === 'string' && scope.rows.has(entity);
    const remedy = isRows
      ? `Use rowRef('${entity}'): '${entity}' is a rows entity.`
      : didYouMean(String(entity), scope.keys.keys());
    return refuse(field, `there is no keyed entity ${show(entity)}`, remedy);
  }
  const names = key.components.map((c) => c.name);
  const expected = `ref('${entity}', { ${names.map((n) => `${n}: 'source column'`).join(', ')} })`;
  if (typeof column.key !== 'object' || column.key === null)
    refuse(field, `${show(column.key)} is not a key`, `Use ${expected}.`);
  const given = record(column.key, field);
  for (const name of Object.keys(given)) {
    if (!names.includes(name))
      refuse(`${field}.${name}`, `the key of '${entity}' has no '${name}'`, didYouMean(name, names));
  }
  const columns = key.components.map((component) => {
    const at = `${field}.${component.name}`;
    if (!Object.hasOwn(given, component.name))
      refuse(at, `the key of '${entity}' needs '${component.name}'`, `Use ${expected}.`);
    const source = keyColumn(given[component.name], scope, at);
    const kinds = kindsOf(source, scope);
    if (!kinds.some((kind) => component.kinds.includes(kind))) {
      refuse(
        at,
        `key '${component.name}' of '${entity}' is a ${component.input}, source column '${source}' a ${kinds[0]}`,
        'Refer with a column of the same type, or transform it in the row contract.',
      );
    }
    return source;
  });
  return { entity, columns };
}
