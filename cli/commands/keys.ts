/**
 * The commands of `keys`: what is in the key indexes, and how one is made anew. An index is rebuilt by an orchestration
 * and never by this process, because only an orchestration can hold the index's lease.
 */
import { keyIndexes } from '../../src/documents/published-keys.ts';
import type { ActivityResult } from '../../src/durable/activity.ts';
import type { Environment } from '../../src/environment/environment.ts';
import { fromErrorValue, OrdinalError } from '../../src/errors.ts';
import { type IndexDocument, indexBlobs, indexSchema } from '../../src/keys/index-documents.ts';
import { readHead } from '../../src/keys/key-index.ts';
import { didYouMean } from '../../src/nearest.ts';
import { readJson } from '../../src/storage/json.ts';
import type { ImportOutput } from '../../src/upkeep/import/activity.ts';
import { prepareImport } from '../../src/upkeep/import/prepare.ts';
import { REBUILD_ORCHESTRATION } from '../../src/upkeep/orchestrations.ts';
import { type AnyCommand, defineCommand, type Given, UsageError } from '../command.ts';
import { collected } from '../parse.ts';
import { bytes, count } from '../terminal/text.ts';

/** One partition of a key index as it is now. */
interface PartitionView {
  partition: number;
  keys: number;
  segments: number;
  bytes: number;
  /** The run whose keys count once its manifest is there. */
  pending: string | null;
}

interface IndexView {
  index: string;
  /** `<pipeline>.<entity>` of those that draw on it. */
  entities: string[];
  keyTypes: string[];
  epoch: number;
  partitions: PartitionView[];
}

/** The index as it is now; one that no run has used yet has no partitions. */
async function readIndex(environment: Environment, index: string, entities: string[]): Promise<IndexView> {
  const at = { store: environment.store, container: environment.config.workContainer };
  const document = await readJson(at.store, at.container, indexBlobs.index(index), indexSchema);
  if (!document) return { index, entities, keyTypes: [], epoch: 0, partitions: [] };
  const { keyTypes, epoch, partitions } = document;
  const views = Array.from({ length: partitions }, (_, partition) => readPartition({ ...at, document, partition }));
  return { index, entities, keyTypes, epoch, partitions: await Promise.all(views) };
}

async function readPartition(at: {
  store: Environment['store'];
  container: string;
  document: IndexDocument;
  partition: number;
}): Promise<PartitionView> {
  const head = (await readHead(at))?.value;
  return {
    partition: at.partition,
    keys: head?.keys ?? 0,
    segments: head?.entries.length ?? 0,
    bytes: head?.entries.reduce((sum, entry) => sum + entry.bytes, 0) ?? 0,
    pending: head?.pending?.runId ?? null,
  };
}

const list = defineCommand({
  name: 'keys list',
  summary: 'Show all key indexes: keys, partitions, sizes, and who draws on them',
  needs: ['storage'],
  work: async (given) => {
    const environment = await given.environment();
    const known = [...keyIndexes(environment.pipelines)];
    const value = await Promise.all(known.map(([index, entities]) => readIndex(environment, index, entities)));
    const sum = (partitions: readonly PartitionView[], of: 'keys' | 'segments' | 'bytes') =>
      partitions.reduce((all, partition) => all + partition[of], 0);
    const rows = value.map(({ index, entities, keyTypes, partitions }) => [
      index,
      partitions.length === 0 ? { text: 'never used', tone: 'dim' as const } : count(sum(partitions, 'keys')),
      count(partitions.length),
      count(sum(partitions, 'segments')),
      bytes(sum(partitions, 'bytes')),
      keyTypes.join(', '),
      entities.join(', '),
    ]);
    const columns = [
      { title: 'index', whole: true },
      { title: 'keys', right: true },
      { title: 'partitions', right: true, drop: 3 },
      { title: 'segments', right: true, drop: 2 },
      { title: 'bytes', right: true, drop: 1 },
      { title: 'key', drop: 5 },
      { title: 'entities', drop: 4 },
    ];
    return { show: [{ columns, rows, none: 'No pipeline has a keyed entity.' }], value };
  },
});

const show = defineCommand({
  name: 'keys show',
  summary: 'Show a key index by its partitions, and which run is adding keys',
  needs: ['storage'],
  configure: (command) => command.argument('<index>', 'name of a key index'),
  work: async (given, _, index) => {
    const environment = await given.environment();
    const entities = await entitiesOf(given, index);
    const value = await readIndex(environment, index, entities);
    const rows = value.partitions.map((one) => [
      String(one.partition),
      count(one.keys),
      count(one.segments),
      bytes(one.bytes),
      one.pending ?? '-',
    ]);
    const columns = [
      { title: 'partition', right: true },
      { title: 'keys', right: true },
      { title: 'segments', right: true },
      { title: 'bytes', right: true },
      { title: 'pending of run' },
    ];
    const facts: [string, string][] = [
      ['index', index],
      ['entities', entities.join(', ')],
      ['key', value.keyTypes.join(', ') || '-'],
      ['epoch', String(value.epoch)],
    ];
    return { show: [{ facts }, { columns, rows, none: 'No run has used it yet.' }], value };
  },
});

/** @throws OrdinalError `UnknownIndex` for an index that no pipeline has. */
async function entitiesOf(given: Given, index: string): Promise<string[]> {
  const known = keyIndexes(await given.pipelines());
  const entities = known.get(index);
  if (entities) return entities;
  throw new OrdinalError('UnknownIndex', `no pipeline has a key index "${index}"`, {
    remedy: didYouMean(index, known.keys()),
  });
}

const rebuild = defineCommand({
  name: 'keys rebuild',
  summary: 'Make a key index anew from published files, under its lease',
  needs: ['durable'],
  details: 'It gets as many partitions as the pipeline says now.',
  configure: (command) => command.argument('<index>', 'name of a key index'),
  work: async (given, _, index) => {
    await entitiesOf(given, index);
    const id = `ordinal~rebuild~${Date.now().toString(36)}-${process.pid}`;
    const answer = await (await given.durable()).run(REBUILD_ORCHESTRATION, id, { index });
    const result = answer as ActivityResult<{ keys: number; partitions: number; epoch: number }>;
    if (!result.ok) throw fromErrorValue(result.error);
    const { keys, partitions, epoch } = result.value;
    const line = `${index}: ${count(keys)} keys in ${partitions === 1 ? 'one partition' : `${count(partitions)} partitions`} (epoch ${epoch})`;
    return { show: [line], value: result.value };
  },
});

const takeOver = defineCommand({
  name: 'keys import',
  summary: 'Take over keys that an older system numbered, with their IDs',
  needs: ['storage', 'durable'],
  details:
    'Duplicates and contradictions are refused by name, and then nothing is imported. The sequence goes on above the ' +
    'largest ID. The same command again changes nothing.',
  examples: [
    [
      'keys import customers --from old.parquet --id customer_id --key email=customer_email',
      'the table of customers, whose key is an address',
    ],
  ],
  configure: (command) =>
    command
      .argument('<index>', 'name of a key index')
      .requiredOption('--from <file>', 'a Parquet file on this machine')
      .requiredOption('--id <column>', 'its column with the IDs')
      .option(
        '--key <component=column>',
        'its column with a component of the key, once for each; without it, the column that has the name of the component',
        collected,
        [] as readonly string[],
      ),
  work: async (given, { from, id, key }, index) => {
    await entitiesOf(given, index);
    const columns = { id, key: columnsOf(key) };
    const prepared = await prepareImport(await given.environment(), {
      index,
      file: from,
      columns,
      signal: given.signal,
    });
    const { importId, keys, known, last, sequence } = prepared;
    if (last === null)
      return { show: [`${index}: nothing to add; ${count(known)} keys are there with these IDs`], value: prepared };
    const name = `ordinal~import~${importId}-${Date.now().toString(36)}`;
    const answer = await (await given.durable()).run(REBUILD_ORCHESTRATION, name, {
      index,
      add: { importId, last, sequence },
    });
    const result = answer as ActivityResult<ImportOutput & { next: string }>;
    if (!result.ok) throw fromErrorValue(result.error);
    const show = [
      `${index}: ${count(keys)} keys imported, ${count(known)} were there with these IDs; it has ${count(result.value.keys)}`,
      `${sequence.name}: goes on at ${result.value.next}`,
      `manifest: ${result.value.manifest}`,
    ];
    return { show, value: { ...prepared, ...result.value } };
  },
});

/** Component → column, of what was given as `component=column`. */
function columnsOf(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((text) => {
      const at = text.indexOf('=');
      if (at <= 0 || at === text.length - 1)
        throw new UsageError(`keys import: give --key as component=column, not ${text}`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

export const keyCommands: readonly AnyCommand[] = [list, show, takeOver, rebuild];
