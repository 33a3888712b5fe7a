/**
 * Entities: from the builder's tagged values to `Entity`s, their keys first, since references need them. `compile`
 * calls it. It must never guess: a name that is not declared is refused.
 */
import type { core } from 'zod';
import { limits } from '../limits.ts';
import { didYouMean } from '../nearest.ts';
import { compileColumn, compilePredicate, keyColumn, kindsOf, type ResolvedKey, type Scope } from './columns.ts';
import {
  type ContractColumn,
  changeColumns,
  type Entity,
  isAttribute,
  type KeyedEntity,
  type OutColumn,
  type RowsEntity,
} from './compiled.ts';
import { DerivedColumns } from './derived.ts';
import { checkColumnName, checkDistinct, checkName, checkSharedName, oneOf } from './names.ts';
import { record, refuse, show } from './refuse.ts';
import { isSchema, schemaFacts } from './schema.ts';
import { type RowColumns, scopeOf } from './scopes.ts';
import { Sequences } from './sequences.ts';
import { checkSharedColumn, usedShared } from './shared-entity.ts';
import type { SharedIndex } from './shared-index.ts';
import { withUnknownMembers } from './unknown-members.ts';

type Declared = Record<string, unknown> & {
  /** A shared entity is a keyed one, whose declaration is elsewhere. */
  kind: 'keyed' | 'rows';
  shared?: KeyedEntity['shared'];
  /** Of a shared entity: the types of its key, as they are declared. */
  sharedKey?: Record<string, core.$ZodType>;
};

const options = {
  keyed: ['kind', 'when', 'id', 'key', 'columns', 'where', 'index', 'partitions', 'publish', 'onChange'],
  rows: ['kind', 'when', 'id', 'columns', 'where'],
  shared: ['kind', 'when', 'entity', 'key', 'columns', 'where'],
} as const;

/**
 * Compiles all entities of a pipeline.
 * @param pipeline name of the pipeline
 * @param declared what `entities` gave
 * @param columns the row contract, compiled, and the folder columns
 * @returns the entities in declaration order, the sequences in order of first use, and the derived columns
 * @throws `InvalidPipeline` at the field that is wrong
 */
export function compileEntities(
  pipeline: string,
  declared: unknown,
  columns: RowColumns,
): { entities: Entity[]; sequences: ReturnType<Sequences['list']>; derived: ReturnType<DerivedColumns['list']> } {
  const all = Object.entries(record(declared, 'entities'));
  if (all.length === 0)
    refuse('entities', 'is empty', "Declare at least one: { kind: 'rows', ... } or { kind: 'keyed', ... }.");
  if (all.length > limits.entitiesMax)
    refuse('entities', `has ${all.length} entities`, `Declare at most ${limits.entitiesMax} entities.`);
  const keys = new Map<string, ResolvedKey>();
  const rows = new Set<string>();
  const common = { keys, rows, sequences: new Sequences(), derived: new DerivedColumns(columns.folders) };
  const checked = all.map(([name, value]) => {
    const spec = declaredEntity(name, value);
    return { name, spec, scope: { ...common, ...scopeOf(name, spec, columns) } };
  });
  for (const { name, spec, scope } of checked) {
    if (spec.kind === 'rows') rows.add(name);
    else keys.set(name, resolveKey(spec, scope, `entities.${name}.key`));
  }
  const compiled = checked.map(({ name, spec, scope }) =>
    spec.kind === 'rows' ? compileRows(pipeline, name, spec, scope) : compileKeyed(pipeline, name, spec, scope),
  );
  checkIndexes(compiled);
  const sequences = common.sequences.list();
  return { entities: withUnknownMembers(compiled, sequences), sequences, derived: common.derived.list() };
}

function declaredEntity(name: string, value: unknown): Declared {
  const field = `entities.${name}`;
  checkName(name, field);
  const kind = (value as { kind?: unknown } | null | undefined)?.kind;
  if (typeof value !== 'object' || value === null) {
    return refuse(field, `${show(value)} is not an entity`, "Use { kind: 'rows', ... } or { kind: 'keyed', ... }.");
  }
  if (kind !== 'keyed' && kind !== 'rows' && kind !== 'shared') {
    const kinds = Object.keys(options);
    return refuse(`${field}.kind`, `${show(kind)} is not a kind of entity`, didYouMean(String(kind), kinds));
  }
  const spec = record(value, field, options[kind]);
  if (kind !== 'shared') return spec as Declared;
  const { spec: used, key, types, declared } = usedShared(spec, field);
  return { ...used, kind: 'keyed', shared: { types, declared }, sharedKey: key };
}

/** A key of source columns (the entity's own feed) or of zod types (references alone feed it). */
function resolveKey({ key: given, sharedKey }: Declared, scope: Scope, field: string): ResolvedKey {
  const parts = Object.entries(record(given, field));
  if (parts.length === 0) refuse(field, 'has no component', "Name the natural key, as in key: { code: 'origin' }.");
  const typed = parts.filter(([, part]) => isSchema(part));
  if (typed.length !== 0 && typed.length !== parts.length) {
    refuse(
      field,
      'mixes source columns and zod types',
      'Use source columns throughout, or types when only references bring keys.',
    );
  }
  const feed: string[] = [];
  const components = parts.map(([name, part]) => {
    const at = `${field}.${checkColumnName(name, field)}`;
    const column = isSchema(part) ? undefined : keyColumn(part, scope, at);
    if (column !== undefined) feed.push(column);
    const kinds = column === undefined ? [keyType(part as core.$ZodType, at)] : kindsOf(column, scope);
    const shared = sharedKey?.[name] && keyType(sharedKey[name], at);
    const input = shared ?? kinds[0]!;
    if (!kinds.includes(input)) refuse(at, `is a ${kinds[0]}`, `Use a ${input}, as the shared entity has it.`);
    if (input === 'any') refuse(at, 'has no type', 'Give its column a type in the row contract: a key needs one.');
    return { name, input, kinds };
  });
  return { components, ownFeed: typed.length === 0 ? feed : undefined };
}

function keyType(schema: core.$ZodType, field: string): ContractColumn['input'] {
  const facts = schemaFacts(schema, field);
  if (facts.active || facts.admitsNull || facts.admitsUndefined) {
    refuse(
      field,
      'does more than state a type',
      'Use a bare type such as z.string(); checks belong to the columns of the row contract.',
    );
  }
  return facts.output === 'unknown' ? 'any' : facts.output;
}

/** The entity's own ID column. */
function idColumn(given: unknown, sequenceDefault: string, scope: Scope, field: string): OutColumn {
  const id = given as Record<string, unknown> | null | undefined;
  if (typeof id !== 'object' || id?.kind !== 'id') return refuse(field, `is ${show(given)}`, "Use id('column_name').");
  const name = checkColumnName(id.column, field);
  const settings = record(id.settings, field, ['sequence', 'start', 'step']);
  return { kind: 'id', name, sequence: scope.sequences.use(settings.sequence ?? sequenceDefault, settings, field) };
}

function declaredColumns(spec: Declared, name: string, scope: Scope): OutColumn[] {
  const field = `entities.${name}.columns`;
  const columns = Object.entries(record(spec.columns ?? {}, field));
  return columns.map(([column, value]) => {
    const at = `${field}.${column}`;
    const declared = spec.shared?.types[column];
    // What a pipeline does not know of a shared entity is null.
    if (declared && value === undefined) return { kind: 'constant', name: column, type: declared, value: null };
    const compiled = compileColumn(checkColumnName(column, field), value, { kind: spec.kind, name }, scope, at);
    if (declared) checkSharedColumn(compiled, declared, scope, at);
    return compiled;
  });
}

function checkColumns(columns: readonly OutColumn[], field: string): void {
  if (columns.length > limits.entityColumnsMax) {
    refuse(field, `has ${columns.length} columns`, `Declare at most ${limits.entityColumnsMax} columns.`);
  }
  checkDistinct(
    columns.map((c) => c.name),
    field,
  );
  const sequences = columns.flatMap((c) => (c.kind === 'id' ? [c.sequence] : []));
  const repeated = sequences.find((s, i) => sequences.indexOf(s) !== i);
  if (repeated) refuse(field, `takes two IDs from sequence '${repeated}'`, 'Name another sequence for one of them.');
}

function compileRows(pipeline: string, name: string, spec: Declared, scope: Scope): RowsEntity {
  const field = `entities.${name}`;
  const id = idColumn(spec.id, `${pipeline}.${name}`, scope, `${field}.id`);
  const columns = [id, ...declaredColumns(spec, name, scope)];
  checkColumns(columns, `${field}.columns`);
  const where = compilePredicate(spec.where, scope, `${field}.where`);
  return { kind: 'rows', name, ...(where && { where }), columns };
}

function compileKeyed(pipeline: string, name: string, spec: Declared, scope: Scope): KeyedEntity {
  const field = `entities.${name}`;
  const { components, ownFeed } = scope.keys.get(name)!;
  const index = spec.index === undefined ? `${pipeline}.${name}` : sharedIndexName(spec.index, `${field}.index`);
  const id = idColumn(spec.id, index, scope, `${field}.id`);
  const declared = declaredColumns(spec, name, scope);
  const where = compilePredicate(spec.where, scope, `${field}.where`);
  if (!ownFeed) {
    const reader = declared.find((c) => c.kind !== 'constant' && c.kind !== 'id');
    const needs = where ? `${field}.where` : reader && `${field}.columns.${reader.name}`;
    if (needs)
      refuse(
        needs,
        `reads source rows, but only references bring keys to '${name}'`,
        "Give the key source columns, as in key: { code: 'origin' }.",
      );
  }
  const partitions = partitionCount(spec.partitions ?? 1, `${field}.partitions`);
  const keyColumns = components.map((c, component): OutColumn => ({ kind: 'key', name: c.name, component }));
  const columns = [id, ...keyColumns, ...declared];
  checkColumns(columns, `${field}.columns`);
  return {
    kind: 'keyed',
    name,
    index,
    ...(partitions > 1 && { partitions }),
    ...(where && { where }),
    ...knownKeys(spec, columns, field),
    key: components.map(({ name: component, input }) => ({ name: component, input })),
    ...(ownFeed && { ownFeed }),
    columns,
    ...(spec.shared && { shared: spec.shared }),
  };
}

/** What is done about keys that earlier runs have numbered. */
function knownKeys(
  spec: Declared,
  columns: readonly OutColumn[],
  field: string,
): Pick<KeyedEntity, 'publish' | 'onChange'> {
  const publish = oneOf(spec.publish, ['new', 'seen'], 'new', `${field}.publish`);
  const onChange = oneOf(spec.onChange, ['ignore', 'report'], 'ignore', `${field}.onChange`);
  const further = columns.find((column, c) => column.kind === 'id' && c > 0);
  if (publish === 'seen' && further) {
    refuse(
      `${field}.publish`,
      `'seen' repeats rows of known keys, whose '${further.name}' was given once and is not known any more`,
      'Publish new keys only, or take the further ID to another entity.',
    );
  }
  const isDescribed = columns.some(isAttribute);
  if (onChange === 'report' && !isDescribed)
    refuse(
      `${field}.onChange`,
      'there is no attribute that could change',
      "Leave it out, or add columns: first('column').",
    );
  for (const name of Object.values(changeColumns)) {
    if (isDescribed && columns.some((column) => column.name.toLowerCase() === name))
      refuse(`${field}.columns.${name}`, 'is a column that the changes dataset has anyway', 'Give it another name.');
  }
  return { ...(publish === 'seen' && { publish }), ...(onChange === 'report' && { onChange }) };
}

/** The name of a key index that was declared to be shared. A bare text could be a misspelt name of one. */
function sharedIndexName(given: unknown, field: string): string {
  const declared = given as Partial<SharedIndex> | null;
  if (typeof declared === 'object' && declared?.kind === 'sharedIndex') return checkSharedName(declared.name, field);
  const call = `sharedIndex(${typeof given === 'string' ? show(given) : "'name'"})`;
  return refuse(
    field,
    `${show(given)} is not a shared key index`,
    `Declare ${call} once, in a module that all pipelines which share it import.`,
  );
}

function partitionCount(given: unknown, field: string): number {
  const max = limits.keyPartitionsMax;
  if (typeof given !== 'number' || !Number.isInteger(given) || given < 1 || given > max) {
    return refuse(field, `${show(given)} is not a number of partitions`, `Use a whole number from 1 to ${max}.`);
  }
  return given;
}

/** Two entities of one pipeline cannot resolve against one key index in the same run. */
function checkIndexes(entities: readonly Entity[]): void {
  const byIndex = new Map<string, string>();
  for (const entity of entities) {
    if (entity.kind !== 'keyed') continue;
    const other = byIndex.get(entity.index);
    if (other)
      refuse(
        `entities.${entity.name}.index`,
        `'${entity.index}' is the key index of '${other}' too`,
        'Give each its own, or refer to one entity twice.',
      );
    byIndex.set(entity.index, entity.name);
  }
}
