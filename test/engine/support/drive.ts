/**
 * A run without a host: the real activities in the orchestrator's order over a store in memory, with the simplest
 * sequence there can be. Every value crosses as JSON text, as it does on a host.
 */
import assert from 'node:assert/strict';
import { type Ids, type Plan, planSchema } from '../../../src/documents/documents.ts';
import type { Activity } from '../../../src/durable/activity.ts';
import { type Config, parseConfig } from '../../../src/environment/config.ts';
import type { ActivityThreads, Environment } from '../../../src/environment/environment.ts';
import { fromErrorValue } from '../../../src/errors.ts';
import type { CompiledPipeline } from '../../../src/pipeline/compiled.ts';
import { divide } from '../../../src/pipeline/sequences.ts';
import { type PlanOutput, planRun } from '../../../src/plan/activity.ts';
import { readFooters } from '../../../src/plan/read-source.ts';
import { publishFile } from '../../../src/publish/activity.ts';
import { finishRun } from '../../../src/publish/manifest-activity.ts';
import { resolveKeys } from '../../../src/resolve/activity.ts';
import { countsOf } from '../../../src/run/reserve-ids.ts';
import { publishShort, resolveShort, splitShort } from '../../../src/run/short-way.ts';
import { sealBatches, sealKeyed } from '../../../src/seal/activity.ts';
import { bindIds } from '../../../src/seal/assign-ids-activity.ts';
import { splitBatch } from '../../../src/split/activity.ts';
import { shareBadFiles, splitAgain } from '../../../src/split/split-again.ts';
import { tallyRows } from '../../../src/split/tally-activity.ts';
import { requireJson, writeJson } from '../../../src/storage/json.ts';
import { work } from '../../../src/storage/names.ts';
import { MemoryStore } from '../../support/memory-store.ts';

export interface DriveOptions {
  batchRows?: number;
  partRows?: number;
  /** Executes every activity this often; the results must not show it. @default 1 */
  executions?: number;
  /** Executions of the splits that come when all batches are split. @default false */
  late?: boolean;
  /** Order in which the batches are split and sealed. @default as numbered */
  order?: (batches: number[]) => number[];
  /** Forces a way through the split. */
  ways?: Plan['ways'];
  /** Decoded bytes of a unit: little makes row groups be cut. */
  unitBytes?: number;
  /** The short way: three activities, with the work in progress in memory. @default false */
  short?: boolean;
  /** The service copies large chunks. @default as the pipeline says */
  copy?: 'service';
  /** Worker threads of the short way. @default none */
  threads?: ActivityThreads;
  /** Before the short way's resolve, and before its publish: the process ends, and what it had in memory. @default none */
  forget?: 'resolve' | 'publish' | 'both';
  /** IDs of one contiguous range at most: a reservation is then several. @default unlimited */
  rangeMax?: number;
}

/** A store, a pipeline, and sequences that count. */
export class Engine {
  readonly store: MemoryStore;
  readonly pipeline: CompiledPipeline;
  readonly options: DriveOptions;
  environment: Environment;
  readonly #next = new Map<string, bigint>();
  #runs = 0;

  constructor(pipeline: CompiledPipeline, options: DriveOptions = {}, store = new MemoryStore()) {
    this.store = store;
    this.pipeline = options.copy ? { ...pipeline, copy: options.copy } : pipeline;
    this.options = options;
    const config: Config = {
      ...parseConfig({ AzureWebJobsStorage: 'UseDevelopmentStorage=true' }),
      workContainer: 'work',
      batchRowsTarget: options.batchRows ?? 250_000,
      partRowsTarget: options.partRows ?? 5_000_000,
      shortBytesMax: options.short ? 2 ** 30 : 0,
      requestsInFlight: 3,
    };
    const { threads } = options;
    const pipelines = new Map([[pipeline.name, this.pipeline]]);
    this.environment = { store: this.store, config, pipelines, ...(threads && { threads }) };
  }

  async upload(name: string, bytes: Uint8Array): Promise<void> {
    await this.store.ensureContainer(this.pipeline.source.container);
    await this.store.write(this.pipeline.source.container, name, bytes);
  }

  /** One run over the blobs under `prefix`. Throws what the first failing activity gives. */
  async run(runId: string, prefix = this.pipeline.source.prefix): Promise<PlanOutput> {
    const plan = await this.plan(runId, prefix);
    const { ways, unitBytes } = this.options;
    if (ways || unitBytes) await this.#force(runId, { ...(ways && { ways }), ...(unitBytes && { unitBytes }) });
    if (plan.short) return await this.#runShort(runId, prefix, plan);
    const numbered = Array.from({ length: plan.batches }, (_, batch) => batch);
    const batches = this.options.order?.(numbered) ?? numbered;
    for (const batch of batches) await this.activity(splitBatch, { runId, batch });
    if (plan.sharesBadFiles) {
      const { again } = await this.activity(shareBadFiles, { runId });
      const repeated = Array.from({ length: again }, (_, batch) => batch);
      for (const batch of this.options.order?.(repeated) ?? repeated) await this.activity(splitAgain, { runId, batch });
    }
    if (this.options.late) for (const batch of batches) await this.activity(splitBatch, { runId, batch });
    const tally = await this.activity(tallyRows, { runId });
    const rows: Record<string, number> = { ...tally.rows };
    const partitions: Record<string, number[]> = {};
    const keyed = plan.keyed.flatMap(({ entity, partitions: count }) =>
      Array.from({ length: count }, (_, partition) => ({ entity, partition })),
    );
    for (const { entity, partition } of keyed) {
      const { newRows } = await this.activity(resolveKeys, { runId, entity, partition, term: this.#term });
      rows[entity] = (rows[entity] ?? 0) + newRows;
      partitions[entity] = [...(partitions[entity] ?? []), newRows];
    }
    await this.activity(bindIds, { runId, sequences: this.#reserve(rows), rows, partitions });
    for (const of of keyed) await this.activity(sealKeyed, { runId, ...of });
    const groups = Array.from({ length: plan.sealGroups }, (_, group) => group);
    for (const group of this.options.order?.(groups) ?? groups) await this.activity(sealBatches, { runId, group });
    for (const { entity, partition } of keyed) await this.activity(publishFile, { runId, entity, part: partition });
    for (const entity of plan.rowsEntities) {
      for (let part = 0; part < plan.parts; part++) await this.activity(publishFile, { runId, entity, part });
    }
    const at = this.#time();
    await this.activity(finishRun, { runId, prefix, startedAt: at, finishedAt: at });
    return plan;
  }

  async #runShort(runId: string, prefix: string, plan: PlanOutput): Promise<PlanOutput> {
    // What a test forces into the plan gives it another version.
    const etag = (await this.store.head('work', work.plan({ runId, life: 1 })))!.etag;
    const ref = {
      runId,
      life: 1,
      plan: etag,
      terms: Object.fromEntries(plan.keyed.map(({ index }) => [index, this.#term])),
    };
    const { taken } = await this.activity(splitShort, ref);
    assert.ok(taken, 'a run by itself takes the short way');
    const { forget } = this.options;
    if (forget === 'resolve' || forget === 'both') this.environment = { ...this.environment };
    const { tally, resolved, digest } = await this.activity(resolveShort, ref);
    const { rows, partitions } = countsOf(tally, resolved);
    if (forget === 'publish' || forget === 'both') this.environment = { ...this.environment };
    const at = this.#time();
    const input = { ...ref, digest, sequences: this.#reserve(rows), rows, partitions, prefix, startedAt: at };
    await this.activity(publishShort, { ...input, phases: [] });
    return plan;
  }

  /** Number of the run's grant of the indexes' leases: each run has the next. */
  get #term(): number {
    return this.#runs + 1;
  }

  #time(): string {
    return new Date(Date.UTC(2026, 0, 1) + 1000 * this.#runs++).toISOString();
  }

  /** The plan, by as many activities as the number of source files asks for. */
  async plan(runId: string, prefix = this.pipeline.source.prefix): Promise<PlanOutput> {
    const { name: pipeline } = this.pipeline;
    // Each run reads the whole source: what is new of it is not the matter here.
    const input = { runId, pipeline, prefix, again: true as const };
    const listed = await this.activity(planRun, input);
    assert.ok(!('claimers' in listed), 'a plan that leaves nothing to others');
    if (!('listing' in listed)) return listed;
    const { listing, footers, leftOut } = listed;
    for (let part = 0; part < footers; part++) await this.activity(readFooters, { runId, pipeline, listing, part });
    const plan = await this.activity(planRun, { ...input, listing, leftOut });
    assert.ok('batches' in plan, 'a plan for a listed source');
    return plan;
  }

  async activity<Input extends object, Output extends object>(
    { run }: Activity<Environment, Input, Output>,
    input: Input,
  ): Promise<Output> {
    let value: unknown;
    for (let i = 0; i < (this.options.executions ?? 1); i++) {
      const result = await run(this.environment, JSON.parse(JSON.stringify(input)));
      if (!result.ok) throw fromErrorValue(result.error);
      value = JSON.parse(JSON.stringify(result.value));
    }
    return value as Output;
  }

  /** Published files of an entity, of all runs in order, or of one. */
  published(entity: string, runId = ''): { name: string; bytes: Uint8Array }[] {
    const { container, prefix } = this.pipeline.output;
    return this.store
      .names(container, `${prefix}${entity}/${runId}`)
      .filter((name) => name.endsWith('.parquet'))
      .map((name) => ({ name, bytes: this.store.bytes(container, name) }));
  }

  /** Writes what a test asks for into the plan. */
  async #force(runId: string, forced: Pick<Plan, 'ways' | 'unitBytes'>): Promise<void> {
    const plan = await requireJson(this.store, 'work', work.plan({ runId, life: 1 }), planSchema);
    await writeJson(this.store, 'work', work.plan(plan), { ...plan, ...forced });
  }

  #reserve(rows: Record<string, number>): Ids['sequences'] {
    const sequences: Ids['sequences'] = {};
    const { demand } = divide(this.pipeline, rows);
    for (const { name, start, step } of this.pipeline.sequences) {
      const count = demand.get(name)!;
      const ranges = takeRanges(this.#next, name, BigInt(start), BigInt(step), count, this.options.rangeMax);
      sequences[name] = { step, count, ranges };
    }
    return sequences;
  }
}

/** The next `count` IDs of a counting sequence. With `rangeMax`, every range but the first leaves a gap before it. */
export function takeRanges(
  next: Map<string, bigint>,
  name: string,
  start: bigint,
  step: bigint,
  count: number,
  rangeMax = Number.POSITIVE_INFINITY,
): { first: string; count: string }[] {
  const ranges: { first: string; count: string }[] = [];
  let at = next.get(name) ?? start;
  for (let left = count; left > 0; ) {
    const take = Math.min(left, rangeMax);
    ranges.push({ first: String(at), count: String(take) });
    at += BigInt(take) * step;
    left -= take;
    if (left > 0) at += 10n * step;
  }
  next.set(name, at);
  return ranges;
}
