/**
 * The plan: which batches, which output files, and every check that all footers together allow, before anything is
 * split. Pure: the activity around it lists, reads footers and reduces them (`summarize-file.ts`). A plan beyond a limit
 * is refused here, never half-way.
 */
import type { OutLeaf, Plan } from '../documents/documents.ts';
import type { FileShape, FilesRef, SourceFile } from '../documents/source-files.ts';
import { OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import { compatible, typeText } from '../parquet/logical.ts';
import { outputCodec, type Readers, writtenType } from '../parquet/readers.ts';
import type { Codec, ColumnType } from '../parquet/types.ts';
import type { CompiledPipeline, ContractColumn, Entity, Feed, KeyedEntity, OutColumn } from '../pipeline/compiled.ts';
import { unitRowsJoined } from '../source/units.ts';
import { widest } from '../source/widen.ts';
import type { Life } from '../storage/names.ts';
import { cutBatches } from './cut-batches.ts';
import { groupBatches } from './group-batches.ts';
import { setFilesAside } from './set-aside.ts';
import { checkKind } from './summarize-file.ts';
import { fitted, type Tables } from './table-columns.ts';
import { type ColumnsBefore, markUntyped, wantedType } from './wanted-types.ts';

/** A contract column over all files: its one type, and whether any file may hold nulls in it. Or a derived column. */
interface SourceColumn {
  /** Before the contract: wide enough for every file's values. */
  source: ColumnType;
  /** After the contract. */
  type: ColumnType;
  optional: boolean;
  /** No file has a value in it. */
  isNull?: true;
  /** Where no file has a value: its type is known all the same. */
  isTyped?: true;
}

export interface PlanTargets {
  batchRowsTarget: number;
  partRowsTarget: number;
}

/** A batch is sealed in a fraction of the time that its split takes: so many batches' worth of rows are sealed together. */
const sealBatches = 2;
/** Batches of one seal, however small. */
const sealBatchesMax = 32;

/** Whose plan it is. */
export type PlanOwner = Life;

/** Throws `ColumnTypeMismatch`, `LimitExceeded` or `TooManyBadFiles`, naming blob and column. */
export function makePlan(
  pipeline: CompiledPipeline,
  owner: PlanOwner,
  ref: FilesRef,
  listed: readonly SourceFile[],
  targets: PlanTargets,
  tables?: Tables,
  before: ColumnsBefore = new Map(),
): Plan {
  const { files, badFiles } = setFilesAside(pipeline, listed);
  const inFiles = pipeline.contract.map((contract, c) => {
    const found = sourceColumn(contract, c, files, pipeline.readers);
    const wanted = contract.outputType
      ? undefined
      : wantedType(pipeline, contract, found.isNull ? undefined : found.source, before);
    const column: SourceColumn = wanted ? { ...found, source: wanted, type: wanted, isTyped: true } : found;
    const isUntyped = column.isNull && !column.isTyped;
    if (!tables || contract.outputType || isUntyped) return [contract.name, column] as const;
    const source = fitted(pipeline, tables, contract.name, column.source);
    return [contract.name, { ...column, source, type: source }] as const;
  });
  const derived = (pipeline.derived ?? []).map(({ name, type, nullable: optional }) => {
    return [name, { source: type, type, optional }] as const;
  });
  const columns = new Map<string, SourceColumn>([...inFiles, ...derived]);
  const isUntyped = (source: string) => columns.get(source)!.isNull === true && !columns.get(source)!.isTyped;
  const batches = cutBatches(files, pipeline.contract.length, targets.batchRowsTarget);
  if (batches.length > limits.batchesMax) {
    throw new OrdinalError(
      'LimitExceeded',
      `the source needs ${batches.length} batches; ${limits.batchesMax} is the limit`,
      {
        where: { pipeline: pipeline.name },
        remedy: 'Run it by smaller prefixes, raise ORDINAL_BATCH_ROWS, or write larger row groups.',
      },
    );
  }
  const keyed = pipeline.entities.filter((entity) => entity.kind === 'keyed');
  const keyTypes = Object.fromEntries(keyed.map((entity) => [entity.name, keyTypesOf(entity, pipeline, columns)]));
  const keyless = keyed.flatMap(({ name }) => (bringingFeeds(name, pipeline, columns).length === 0 ? [name] : []));
  const groups = groupsPerFile(pipeline);
  const parts = groupBatches(batches, { rows: targets.partRowsTarget, batches: Number.POSITIVE_INFINITY, groups });
  const plan: Plan = {
    version: 1,
    ...owner,
    pipeline: pipeline.name,
    pipelineHash: pipeline.hash,
    rows: files.reduce((sum, file) => sum + file.rows, 0),
    files: ref,
    ...(badFiles?.length && { badFiles }),
    batches,
    ...(pipeline.copy === 'service' && { copiedBytesMin: limits.copiedChunkBytesMin }),
    unitRows: Math.min(unitRowsJoined, targets.batchRowsTarget),
    outputs: Object.fromEntries(
      pipeline.entities.map((entity) => {
        const leaves = outLeaves(entity, pipeline, columns, keyTypes);
        const isKeyless = keyless.includes(entity.name);
        return [entity.name, markUntyped(before, entity, leaves, isUntyped, isKeyless)];
      }),
    ),
    keyTypes,
    ...(keyless.length > 0 && { keyless }),
    sources: Object.fromEntries(inFiles.map(([name, column]) => [name, column.source])),
    parts,
    sealGroups: parts.flatMap(({ from, to }) =>
      groupBatches(batches.slice(from, to), {
        rows: sealBatches * targets.batchRowsTarget,
        batches: sealBatchesMax,
        groups,
      }).map((group) => ({
        from: from + group.from,
        to: from + group.to,
      })),
    ),
    codec: codecOf(pipeline, files),
  };
  checkBlocks(plan, pipeline);
  return plan;
}

/** A contract column over all files. Columns that hold nulls alone have no say where others hold values. */
function sourceColumn(
  contract: ContractColumn,
  c: number,
  files: readonly SourceFile[],
  readers: Readers,
): SourceColumn {
  let wide: { type: ColumnType; blob: string } | undefined;
  let optional = false;
  // Each shape once: its first file stands for all.
  const firsts = new Map<FileShape, SourceFile>();
  for (const file of files) if (!firsts.has(file.shape)) firsts.set(file.shape, file);
  const columns = [...firsts].map(([shape, { blob }]) => ({ blob, ...shape.columns[c]! }));
  for (const column of columns) optional ||= column.optional;
  const late: typeof columns = [];
  for (const column of columns) {
    const { type, blob } = column;
    if (column.empty) {
      if (!column.absent) late.push(column);
      continue;
    }
    const both = wide ? widest(wide.type, type) : type;
    if (!both) throw mixedTypes(contract, type, blob, wide!);
    if (!wide || typeText(both) !== typeText(wide.type)) wide = { type: both, blob };
  }
  for (const { type, blob } of late) {
    if (compatible(type, contract.input) !== true) continue;
    const both = wide ? widest(wide.type, type) : type;
    if (both) wide = { type: both, blob };
  }
  if (wide) checkKind(contract, wide);
  const isValued = columns.some(({ empty }) => !empty);
  // A schema may turn a value into null, but only where it lets null pass.
  optional ||= contract.changes && contract.nullable;
  const source = wide?.type ?? contract.emptyType;
  const written = writtenType(source, contract.input, readers);
  if (!written) throw unwritable(contract, source, wide?.blob);
  return { source, type: contract.outputType ?? written, optional, ...(!isValued && nothing(contract)) };
}

function nothing({ outputType }: ContractColumn): Pick<SourceColumn, 'isNull' | 'isTyped'> {
  return { isNull: true, ...(outputType && { isTyped: true as const }) };
}

function unwritable({ name }: ContractColumn, type: ColumnType, blob: string | undefined) {
  return new OrdinalError(
    'ColumnTypeMismatch',
    `column "${name}" is ${typeText(type)}, which parquetjs-lite does not read`,
    {
      where: { ...(blob !== undefined && { blob }), column: name },
      remedy: `Take "${name}" out of the row contract, write the source with another type, or leave out readers: 'parquetjs-lite'.`,
    },
  );
}

function mixedTypes(
  contract: ContractColumn,
  type: ColumnType,
  blob: string,
  other: { type: ColumnType; blob: string },
) {
  const there = `${typeText(other.type)} in "${other.blob}"`;
  const message = `column "${contract.name}" is ${typeText(type)} here but ${there}`;
  return new OrdinalError('ColumnTypeMismatch', message, {
    where: { blob, column: contract.name },
    remedy: 'Run the files separately, or write them alike: no type holds the values of both.',
  });
}

/** New files follow the source's codec, where their readers are those of the source. */
function codecOf(pipeline: CompiledPipeline, files: readonly SourceFile[]): Codec {
  const codec = files.find(({ shape }) => shape.codec !== undefined)?.shape.codec;
  return outputCodec(codec ?? 'ZSTD', pipeline.readers);
}

/**
 * Blocks that a row group takes at most in an entity's file: pages and dictionaries of references in turn, chunks that the
 * service copies and what lies between them, and the rest.
 */
function blocksPerGroup(entity: Entity, { copy }: CompiledPipeline): number {
  const own = entity.columns.filter(({ kind }) => kind === 'ref' || (kind === 'copy' && copy === 'service'));
  return 2 * own.length + 2;
}

/** Row groups of one file, so that no entity's has more blocks than a blob can. */
function groupsPerFile(pipeline: CompiledPipeline): number {
  const rowsEntities = pipeline.entities.filter(({ kind }) => kind === 'rows');
  const most = Math.max(...rowsEntities.map((entity) => blocksPerGroup(entity, pipeline)), 1);
  return Math.floor((limits.blocksPerBlobMax - 2) / most);
}

function checkBlocks(plan: Plan, pipeline: CompiledPipeline): void {
  for (const entity of pipeline.entities) {
    if (entity.kind !== 'rows') continue;
    const perGroup = blocksPerGroup(entity, pipeline);
    for (const part of plan.parts) {
      const groups = plan.batches.slice(part.from, part.to).reduce((sum, batch) => sum + batch.units, 0);
      if (groups * perGroup + 2 > limits.blocksPerBlobMax) {
        throw new OrdinalError('LimitExceeded', `a file of "${entity.name}" would need ${groups * perGroup} blocks`, {
          where: { pipeline: pipeline.name, entity: entity.name },
          remedy: 'Write larger row groups.',
        });
      }
    }
  }
}

const idType: ColumnType = { physical: 'INT64' };

/** Feeds that can bring keys: a null in any component is no key, so a column without a value brings none. */
function bringingFeeds(
  entity: string,
  { feeds }: CompiledPipeline,
  columns: ReadonlyMap<string, SourceColumn>,
): Feed[] {
  return feeds.filter(({ target, columns: names }) => target === entity && !names.some((c) => columns.get(c)!.isNull));
}

function keyTypesOf(
  entity: KeyedEntity,
  pipeline: CompiledPipeline,
  columns: ReadonlyMap<string, SourceColumn>,
): ColumnType[] {
  const bringing = bringingFeeds(entity.name, pipeline, columns);
  const feeds =
    bringing.length > 0 ? bringing : pipeline.feeds.filter((feed) => feed.target === entity.name).slice(0, 1);
  return entity.key.map((component, c) => {
    const types = feeds.map((feed) => ({ name: feed.columns[c]!, type: columns.get(feed.columns[c]!)!.type }));
    const [first] = types;
    const type = types.reduce<ColumnType | undefined>((wide, next) => wide && widest(wide, next.type), first?.type);
    if (first && (!type || type.physical === 'INT96')) {
      const all = types.map((fed) => `"${fed.name}" (${typeText(fed.type)})`).join(' and ');
      throw new OrdinalError('ColumnTypeMismatch', `key "${component.name}" of "${entity.name}" is fed by ${all}`, {
        where: { pipeline: pipeline.name, entity: entity.name, column: first.name },
        remedy: 'Feed the key from columns of one type, or of widths of one type, and not INT96.',
      });
    }
    return type ?? { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };
  });
}

function outLeaves(
  entity: Entity,
  pipeline: CompiledPipeline,
  columns: ReadonlyMap<string, SourceColumn>,
  keyTypes: Record<string, ColumnType[]>,
): OutLeaf[] {
  // A keyed entity's attributes are null where only a reference named the key.
  const keyed = entity.kind === 'keyed';
  const onlyOwn = keyed && pipeline.feeds.every((feed) => feed.target !== entity.name || feed.own);
  return entity.columns.map((column): OutLeaf => {
    const leaf = outLeaf(column, entity, pipeline, columns, keyTypes);
    const attribute = keyed && column.kind !== 'id' && column.kind !== 'key';
    if (keyed && attribute && entity.shared) checkShared(leaf, column, entity, pipeline);
    return attribute && (!onlyOwn || entity.shared || entity.unknown) ? { ...leaf, optional: true } : leaf;
  });
}

/** Datasets of a shared entity have the same columns, whatever the source's type is. */
function checkShared({ type }: OutLeaf, column: OutColumn, entity: KeyedEntity, pipeline: CompiledPipeline): void {
  const wanted = entity.shared?.types[column.name];
  if (!wanted || typeText(wanted) === typeText(type)) return;
  const source = column.kind === 'copy' ? column.source : column.name;
  throw new OrdinalError(
    'ColumnTypeMismatch',
    `column "${source}" is ${typeText(type)}, and ${typeText(wanted)} as "${column.name}" of the shared entity`,
    {
      where: { pipeline: pipeline.name, entity: entity.name, column: source },
      remedy: `Use map('${source}', ...) to make it ${typeText(wanted)}.`,
    },
  );
}

function outLeaf(
  column: OutColumn,
  entity: Entity,
  pipeline: CompiledPipeline,
  columns: ReadonlyMap<string, SourceColumn>,
  keyTypes: Record<string, ColumnType[]>,
): OutLeaf {
  const { name } = column;
  switch (column.kind) {
    case 'id':
      return { name, type: idType, optional: false };
    case 'key':
      // The unknown member has no key.
      return {
        name,
        type: keyTypes[entity.name]![column.component]!,
        optional: entity.kind === 'keyed' && entity.unknown !== undefined,
      };
    case 'copy':
      return { name, type: columns.get(column.source)!.type, optional: columns.get(column.source)!.optional };
    case 'map':
    case 'compute':
      return { name, type: column.type, optional: true };
    case 'constant':
      return { name, type: column.type, optional: column.value === null || column.value === undefined };
    case 'ref':
      return { name, type: idType, optional: column.columns.some((source) => columns.get(source)!.optional) };
    case 'rowRef': {
      const target = pipeline.entities.find((candidate) => candidate.name === column.entity);
      return { name, type: idType, optional: target?.where !== undefined };
    }
  }
}
