/**
 * Activity `finishRun`: writes the manifest, once. The orchestrator calls it when all files are there. The manifest is
 * the commit point of a run: before it nothing counts, after it everything does.
 */

import { z } from 'zod';
import type { Tally } from '../documents/batch-blob.ts';
import { type Ids, isWritten, type OutLeaf, type Plan, partsOf, planRefSchema } from '../documents/documents.ts';
import { loadIds, loadPlan, loadResolution, loadTally, type Planned } from '../documents/load.ts';
import { type Manifest, publishedDocumentSchema } from '../documents/manifest.ts';
import { decideManifest } from '../documents/manifest-state.ts';
import { keepTimeline, listWork } from '../documents/timeline.ts';
import { defineActivity } from '../durable/activity.ts';
import type { Environment } from '../environment/environment.ts';
import { invariant, OrdinalError, toErrorValue } from '../errors.ts';
import { addVersions, settleClaims } from '../ledger/ledger.ts';
import { tableOf } from '../ledger/versions.ts';
import { noteEnd } from '../lives/starts.ts';
import type { CompiledPipeline, Entity, KeyedEntity } from '../pipeline/compiled.ts';
import { identityOf } from '../pipeline/identity.ts';
import { noteIdentity } from '../plan/pipeline-identity.ts';
import { fateOf, ledgerOf, readBy } from '../plan/run-ledger.ts';
import { keyedDatasets, rowsOfDataset } from '../resolve/keyed-datasets.ts';
import { IdMap } from '../sequence/id-map.ts';
import { toJson } from '../sequence/id-range.ts';
import { inputsOf } from '../split/run-bad-files.ts';
import { publishRejected } from '../split/run-quarantine.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { requireJson, writeJson } from '../storage/json.ts';
import { type KeyedDatasetKind, output, work } from '../storage/names.ts';

const finishInputSchema = planRefSchema.extend({
  prefix: z.string(),
  startedAt: z.string(),
  finishedAt: z.string(),
  phases: z.array(z.object({ phase: z.string(), at: z.string() })).default([]),
  /** When the life was claimed: its start is named by it. */
  claimedAt: z.iso.datetime().exactOptional(),
});
type FinishInput = z.infer<typeof finishInputSchema>;

export interface FinishOutput {
  manifest: string;
  rows: number;
  /** As the manifest has it. */
  finishedAt: string;
  /** IDs that the run has given. */
  ids: number;
  /** Set when the ledger's segments have become so many that they are to be merged. */
  crowdedLedger?: true;
}

export const finishRun = defineActivity({ name: 'finishRun', input: finishInputSchema, work: finishActivity });

async function finishActivity(environment: Environment, input: FinishInput): Promise<FinishOutput> {
  const { store, config } = environment;
  const { runId, life } = input;
  const planned = await loadPlan(environment, input);
  const { plan, pipeline } = planned;
  const [ids, tally] = await Promise.all([loadIds(environment, planned), loadTally(environment, planned)]);
  const entities = await mapBounded(pipeline.entities, config.requestsInFlight, async (entity) => {
    const parts = [...Array(partsOf(entity, plan)).keys()];
    const keys = entity.kind === 'keyed' ? await keysOf(environment, planned, pipeline, entity) : null;
    const filesOf = async (dataset: KeyedDatasetKind) => {
      // What has no rows in a key partition has left nothing there.
      const written = parts.filter((part) => !keys || rowsOfDataset(keys.partitions[part]!, dataset) > 0);
      const all = await mapBounded(written, config.requestsInFlight, async (part) => {
        const name = work.published(input, entity.name, part, dataset);
        return (await requireJson(store, config.workContainer, name, publishedDocumentSchema)).file;
      });
      const files = all.filter((file) => file.rows > 0);
      const total = (of: 'rows' | 'bytes') => files.reduce((sum, file) => sum + file[of], 0);
      return { rows: total('rows'), bytes: total('bytes'), files };
    };
    const { rows, bytes, files } = await filesOf('new');
    const keyed = entity.kind === 'keyed' ? entity : undefined;
    return {
      entity: entity.name,
      rows,
      bytes,
      firstId: files[0]?.firstId ?? null,
      lastId: files.at(-1)?.lastId ?? null,
      files,
      columns: plan.outputs[entity.name]!.filter((leaf) => isWritten(pipeline, leaf)),
      ids: ownIds(entity, ids, rows),
      keys,
      ...(keyed && (await furtherOf(keyed, pipeline, plan.outputs[entity.name]!, filesOf))),
    };
  });
  const { inputs, setAside } = await inputsOf(environment, planned, tally);
  const rejected = await publishRejected(environment, plan, pipeline, tally);
  const manifest: Manifest = {
    version: 1,
    outcome: 'published',
    runId,
    life,
    pipeline: pipeline.name,
    pipelineHash: pipeline.hash,
    identity: identityOf(pipeline),
    startedAt: input.startedAt,
    finishedAt: input.finishedAt,
    phases: input.phases,
    source: {
      container: pipeline.source.container,
      prefix: input.prefix,
      rows: tally.rows,
      ...(plan.asked !== undefined && { asked: plan.asked }),
      ...(plan.claim !== undefined && { claim: plan.claim }),
      ...(plan.files.skipped && { skipped: plan.files.skipped }),
    },
    inputs,
    ...(setAside.length > 0 && { setAside }),
    output: pipeline.output,
    entities,
    sequences: ids.sequences,
    ...(rejected && { rejected }),
    ...routingOf(pipeline, tally, entities),
  };
  const name = output.manifest(pipeline, runId);
  const { startedAt, finishedAt } = await publishManifest(environment, pipeline, manifest);
  const given = Object.values(ids.sequences).reduce((sum, { count }) => sum + count, 0);
  const end = { startedAt, finishedAt, rows: tally.rows, ids: given };
  const [ledger] = await Promise.all([
    noteRead(environment, pipeline, plan, manifest),
    noteIdentity(environment, pipeline, runId),
    writeMarkers(environment, pipeline, manifest, name),
    input.claimedAt === undefined ? undefined : noteEnd(environment, input, input.claimedAt, end),
    listWork(environment, input).then((blobs) => keepTimeline(environment, input, blobs)),
  ]);
  return {
    manifest: name,
    rows: tally.rows,
    finishedAt,
    ids: given,
    ...(ledger?.crowded && { crowdedLedger: true as const }),
  };
}

/**
 * Takes what the run has read into its pipeline's ledger. The manifest has decided already, so a ledger that cannot be
 * changed for good fails no run: the next plan meets the same error and reports it.
 */
async function noteRead(
  environment: Environment,
  pipeline: CompiledPipeline,
  plan: Plan,
  manifest: Manifest,
): Promise<{ crowded: boolean } | undefined> {
  const { runId, life } = manifest;
  const at = ledgerOf(environment, pipeline);
  try {
    // A plan that was made before there were ledgers has claimed nothing.
    if (plan.leftOut === undefined) await addVersions(at, { runId, life }, tableOf(readBy(manifest)));
    return await settleClaims(at, { runId, life }, fateOf(environment));
  } catch (thrown) {
    if (toErrorValue(thrown).retryable) throw thrown;
    return undefined;
  }
}

/** Where the accepted rows went; nothing of a pipeline that has no rows entity. */
function routingOf(
  pipeline: CompiledPipeline,
  { rows: sourceRows, rejected, unrouted, keysOnly }: Tally,
  entities: Manifest['entities'],
): Pick<Manifest, 'routing'> {
  const names = new Set(pipeline.entities.filter(({ kind }) => kind === 'rows').map(({ name }) => name));
  if (names.size === 0) return {};
  const routed = sourceRows - unrouted - keysOnly - rejected.reduce((sum, rows) => sum + rows, 0);
  const taken = entities.reduce((sum, { entity, rows }) => sum + (names.has(entity) ? rows : 0), 0);
  invariant(taken >= routed, `${taken} rows of ${routed} source rows`);
  return { routing: { routed, keysOnly, unrouted, repeated: taken - routed } };
}

/** Markers for readers that wait for one, as Spark and Data Factory do: in each entity's folder, and above them. */
async function writeMarkers(
  { store, config }: Environment,
  pipeline: CompiledPipeline,
  manifest: Manifest,
  name: string,
): Promise<void> {
  const said = { version: 1, runId: manifest.runId, manifest: name };
  const folders = ['', ...manifest.entities.map(({ entity }) => `${entity}/`)];
  await mapBounded(folders, config.requestsInFlight, async (folder) => {
    await writeJson(store, pipeline.output.container, output.marker(pipeline, folder), said);
  });
}

type Further = Exclude<KeyedDatasetKind, 'new'>;

/** The files of known keys, of changes and of unknown members, where the entity has such datasets. */
async function furtherOf(
  entity: KeyedEntity,
  pipeline: CompiledPipeline,
  leaves: OutLeaf[],
  filesOf: (dataset: KeyedDatasetKind) => Promise<NonNullable<Manifest['entities'][number]['known']>>,
): Promise<Pick<Manifest['entities'][number], Further>> {
  const further: Pick<Manifest['entities'][number], Further> = {};
  for (const { kind, leaves: all } of keyedDatasets(entity, leaves)) {
    if (kind === 'new') continue;
    const columns = all.filter((leaf) => isWritten(pipeline, leaf));
    const files = await filesOf(kind);
    // Unknown members are published by one run, and no other says anything of them.
    if (kind !== 'unknown' || files.rows > 0) further[kind] = { ...files, columns };
  }
  return further;
}

/** Other pipelines' entities that share an entity's key index, as far as this app knows them. */
function sharersOf({ pipelines }: Environment, pipeline: CompiledPipeline, { index }: KeyedEntity) {
  return [...pipelines.values()].flatMap(({ name, output: { container, prefix }, entities }) =>
    entities.flatMap((entity) =>
      name !== pipeline.name && entity.kind === 'keyed' && entity.index === index
        ? [{ pipeline: name, entity: entity.name, container, prefix }]
        : [],
    ),
  );
}

/** What the run found in an entity's key index, and added. */
async function keysOf(environment: Environment, planned: Planned, pipeline: CompiledPipeline, entity: KeyedEntity) {
  const numbers = [...Array(entity.partitions ?? 1).keys()];
  const partitions = await mapBounded(numbers, environment.config.requestsInFlight, (partition) =>
    loadResolution(environment, planned, entity.name, partition),
  );
  return { index: entity.index, sharedBy: sharersOf(environment, pipeline, entity), partitions };
}

/** The ranges of an entity's own IDs, in row order. */
function ownIds(entity: Entity, ids: Ids, rows: number): Manifest['entities'][number]['ids'] {
  const column = entity.columns[0]!;
  invariant(column.kind === 'id', `"${entity.name}" has an own ID`);
  const sequence = ids.sequences[column.sequence]!;
  const ranges = new IdMap(sequence).slice(ids.bases[entity.name]![column.name]!, rows);
  return { sequence: column.sequence, step: sequence.step, count: rows, ranges: ranges.map(toJson) };
}

/** Finding the manifest of this very life means that an earlier execution wrote it: that one stands. */
async function publishManifest(
  environment: Environment,
  pipeline: CompiledPipeline,
  manifest: Manifest,
): Promise<Manifest> {
  const decided = await decideManifest(environment, pipeline, manifest);
  const { outcome, life } = decided;
  if (outcome === 'published' && life === manifest.life) return decided;
  const name = output.manifest(pipeline, manifest.runId);
  const closed = outcome !== 'published';
  throw new OrdinalError(
    'StorageConflict',
    closed
      ? `run "${manifest.runId}" was given up while it still worked: it may not publish any more`
      : `"${pipeline.output.container}/${name}" was published by another life of the run`,
    {
      where: { blob: name },
      remedy: closed ? 'Start the run again.' : 'Do nothing: the run has published, and counts once.',
    },
  );
}
