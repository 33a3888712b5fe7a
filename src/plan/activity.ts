/**
 * Activity `planRun`: lists the source, pins the version of each blob, has the footers read and writes the plan. The
 * orchestrator calls it first. The first plan that a life writes is its plan. A run that has published already gets no plan:
 * the answer is what it published.
 */
import { createHash } from 'node:crypto';
import {
  doesWhat,
  type LifeInput,
  type Plan,
  type PlanInput,
  planInputSchema,
  planSchema,
} from '../documents/documents.ts';
import { mayShareBadFiles } from '../documents/load.ts';
import { type Manifest, manifestSchema } from '../documents/manifest.ts';
import type { FilesRef } from '../documents/source-files.ts';
import { beginTask } from '../documents/task-times.ts';
import { defineActivity } from '../durable/activity.ts';
import { type Environment, pipelineOf } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import { freeClaim } from '../ledger/ledger.ts';
import type { LeftOut } from '../ledger/ledger-documents.ts';
import type { Claimers } from '../ledger/take-versions.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { readJson, readVersioned, type Versioned, writeJson } from '../storage/json.ts';
import { output, work } from '../storage/names.ts';
import { changedByOthers, unlessConflict } from '../storage/write-once.ts';
import { chooseWay } from './choose-way.ts';
import { settleNullColumns } from './null-columns.ts';
import { checkIdentity } from './pipeline-identity.ts';
import { makePlan } from './plan.ts';
import { type ListedSource, listedSource, readSource } from './read-source.ts';
import { ledgerOf } from './run-ledger.ts';
import { declareTables, openTables } from './table-columns.ts';
import { readColumnsBefore } from './wanted-types.ts';

/** What the orchestration needs to know of the plan and its pipeline: names and counts. */
export interface PlanOutput {
  /** Of the plan: activities are told by it which version they work by. Empty where there is no plan. */
  etag: string;
  batches: number;
  rows: number;
  files: number;
  /** Output files of each rows entity. */
  parts: number;
  /** Groups of batches that are sealed together. */
  sealGroups: number;
  /** The plan chose the short way. */
  short?: true;
  rowsEntities: string[];
  /** Keyed entities and the key indexes that they hold while they resolve and publish. */
  keyed: { entity: string; index: string; partitions: number }[];
  /** Sequences, and the entities whose rows draw on each (twice where two columns do). */
  sequences: { name: string; start: string; step: string; draws: string[] }[];
  /** Blobs of the source that the run leaves out. Absent in what was recorded before there were ledgers. */
  leftOut?: LeftOut;
  /** Files that the split finds bad may have rows in several batches: these are then split again. */
  sharesBadFiles?: true;
  /** Views and tables follow a publication. Absent where the run was planned by a version that had none. */
  tables?: true;
  /** Set when a life of the run has published: nothing is left to do but what follows a publication. */
  published: { manifest: string; rows: number; life: number } | null;
}

export const planRun = defineActivity({ name: 'planRun', input: planInputSchema, work: planActivity });

/**
 * Of a source of which dead lives may hold versions, gives whom to ask about, and is to be called again with `asked`. Of
 * a source of many files, gives what it has listed in place of a plan, and is to be called again when the footers are
 * read. Throws `RunCanceled` for a life that was closed before it began: a later one is the run now.
 */
async function planActivity(environment: Environment, input: PlanInput): Promise<PlanOutput | ListedSource | Claimers> {
  const { store, config } = environment;
  const times = beginTask(environment, input);
  const pipeline = pipelineOf(environment, input.pipeline);
  const name = work.plan(input);
  const [there, written] = await Promise.all([
    readJson(store, pipeline.output.container, output.manifest(pipeline, input.runId), manifestSchema),
    readVersioned(store, config.workContainer, name, planSchema),
    store.ensureContainer(config.workContainer),
    store.ensureContainer(pipeline.output.container),
  ]);
  if (there?.outcome === 'published') return published(there, input, pipeline);
  if (there?.outcome === 'withdrawn') {
    throw new OrdinalError('RunIdConflict', `run "${input.runId}" was withdrawn: its ID is used up`, {
      where: { pipeline: pipeline.name, field: 'runId' },
      remedy: 'Start under another run ID: what it had read is new again.',
    });
  }
  if (there && there.life >= input.life) {
    throw new OrdinalError('RunCanceled', `life ${input.life} of run "${input.runId}" was given up before it began`, {
      remedy: 'Start the run again.',
    });
  }
  await checkIdentity(environment, pipeline);
  if (written) return summary(written, pipeline);
  const source = input.listing
    ? await listedSource(environment, input, input.listing)
    : await readSource(environment, pipeline, input);
  if (!('files' in source)) return source;
  const { runId, life } = input;
  const { ref, leftOut, claim } = source;
  const files = await settleNullColumns(environment, pipeline, source.files);
  // A run that reads nothing has no types, and gives no table columns.
  const tables = files.length > 0 ? await openTables(environment, pipeline) : undefined;
  const before = await readColumnsBefore(environment, pipeline, files, tables);
  const plan: Plan = {
    ...makePlan(pipeline, { runId, life }, ref, files, config, tables, before),
    asked: askedOf(input),
    way: chooseWay(pipeline, files, source.way),
    ...(leftOut && { leftOut }),
    ...(claim !== undefined && { claim }),
  };
  if (tables && !input.dryRun) await declareTables(environment, pipeline, tables, plan);
  const first = await writeFirst(environment, name, plan, times());
  // Another execution may have found the source empty before. Then nothing is read, and nothing may stay claimed.
  if (claim !== undefined && first.value.files.count === 0)
    await freeClaim(ledgerOf(environment, pipeline), { runId, life });
  return summary(first, pipeline);
}

/** Writes the plan, unless an earlier execution has: the first plan is the plan. */
async function writeFirst(
  { store, config }: Environment,
  name: string,
  plan: Plan,
  metadata: Record<string, string>,
): Promise<Pick<Versioned<Plan>, 'value' | 'etag'>> {
  const options = { ifAbsent: true, metadata };
  const written = await unlessConflict(writeJson(store, config.workContainer, name, plan, options));
  if (written) return { value: plan, etag: written.etag };
  const first = await readVersioned(store, config.workContainer, name, planSchema);
  if (!first) throw changedByOthers(name);
  return first;
}

function askedOf(input: LifeInput): string {
  return createHash('sha256').update(doesWhat(input)).digest('hex');
}

/** Throws `RunIdConflict` when what was published under this run ID is of other blobs. */
function published(manifest: Manifest, input: LifeInput, pipeline: CompiledPipeline): PlanOutput {
  const name = output.manifest(pipeline, input.runId);
  const { asked, prefix } = manifest.source;
  if (prefix !== input.prefix || (asked !== undefined && asked !== askedOf(input))) {
    throw new OrdinalError('RunIdConflict', `run "${input.runId}" has published already: "${name}" is there`, {
      where: { pipeline: pipeline.name, field: 'runId' },
      remedy: 'Start under another run ID: each is used once.',
    });
  }
  const { rows } = manifest.source;
  const done = { batches: [], rows, files: { count: manifest.inputs.length }, parts: [], sealGroups: [] };
  return { ...summary({ value: done, etag: '' }, pipeline), published: { manifest: name, rows, life: manifest.life } };
}

function summary(
  {
    value: plan,
    etag,
  }: {
    value: Pick<Plan, 'batches' | 'rows' | 'parts' | 'sealGroups' | 'way' | 'leftOut'> & {
      files: Pick<FilesRef, 'count'>;
    };
    etag: string;
  },
  pipeline: CompiledPipeline,
): PlanOutput {
  const { entities } = pipeline;
  return {
    etag,
    batches: plan.batches.length,
    rows: plan.rows,
    files: plan.files.count,
    parts: plan.parts.length,
    sealGroups: plan.sealGroups.length,
    ...(plan.way?.taken === 'short' && { short: true as const }),
    tables: true,
    ...(mayShareBadFiles({ plan, pipeline }) && { sharesBadFiles: true as const }),
    published: null,
    ...(plan.leftOut && { leftOut: plan.leftOut }),
    rowsEntities: entities.filter((entity) => entity.kind === 'rows').map((entity) => entity.name),
    keyed: entities.flatMap((entity) =>
      entity.kind === 'keyed' ? [{ entity: entity.name, index: entity.index, partitions: entity.partitions ?? 1 }] : [],
    ),
    sequences: pipeline.sequences.map(({ name, start, step }) => ({
      name,
      start,
      step,
      draws: entities.flatMap((entity) =>
        entity.columns.flatMap((column) => (column.kind === 'id' && column.sequence === name ? [entity.name] : [])),
      ),
    })),
  };
}
