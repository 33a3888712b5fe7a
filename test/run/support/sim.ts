/**
 * Runs in one process, under a seed: the real orchestrators, activities and entity reducers over a store in memory.
 * What may happen next (a storage request, an activity's start or answer, an entity operation, a timer, what a client
 * asks) is a list of steps, of which a seeded choice takes one at a time; so a seed repeats a history, with all its
 * races. Activities can die at any storage request and are executed again, run twice at once, or outlive their run.
 */
import assert from 'node:assert/strict';
import { parseConfig } from '../../../src/environment/config.ts';
import { limits } from '../../../src/limits.ts';
import type { Claim } from '../../../src/lives/claims.ts';
import { RUN_ORCHESTRATION } from '../../../src/lives/names.ts';
import type { CompiledPipeline } from '../../../src/pipeline/compiled.ts';
import type { SequenceState } from '../../../src/sequence/state.ts';
import { lifeId, work } from '../../../src/storage/names.ts';
import { withFaults } from '../../support/faults.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { type Orchestrator, orchestrators } from './sim-app.ts';
import { Clients } from './sim-clients.ts';
import { Host, type SimInstance } from './sim-host.ts';
import { mulberry32, Steps } from './sim-steps.ts';
import { type Chaos, calm, Workers } from './sim-workers.ts';

export type { SimInstance } from './sim-host.ts';
export { mulberry32 } from './sim-steps.ts';
export type { Chaos, Execution, Verdict } from './sim-workers.ts';

assert.equal(
  process.env.ORDINAL_TESTS_SHARED,
  undefined,
  'the simulator changes limits of its process: name its tests in the project chaos of vitest.config.ts',
);
// The blocks here are small: some are held back or wait, and some are staged at the split, as in life.
Object.assign(limits, {
  heldBlockBytesMax: 60,
  waitingBlockBytesMax: 100,
  joinedBlockBytesMax: 300,
  shortNoteSeconds: 0,
});

export interface SimOptions {
  seed?: number;
  chaos?: Partial<Chaos>;
  batchRows?: number;
  partRows?: number;
  /** More settings, as the environment has them. */
  settings?: Record<string, string>;
  /** @default 2 */
  workers?: number;
  /** Runs take the short way. @default false */
  short?: boolean;
  /** What an earlier world left. @default empty */
  store?: MemoryStore;
  /** More orchestrators, by name. */
  orchestrators?: Record<string, Orchestrator>;
}

export class Sim {
  readonly store: MemoryStore;
  /** Every version of a source blob that was uploaded, by ETag. */
  readonly sources = new Map<string, Uint8Array>();
  /** The name of each, by ETag. */
  readonly blobs = new Map<string, string>();
  /** Runs that read again what others have read. */
  readonly again = new Set<string>();
  readonly steps: Steps;
  readonly workers: Workers;
  readonly host: Host;
  readonly clients: Clients;

  constructor(pipelines: ReadonlyMap<string, CompiledPipeline>, options: SimOptions = {}) {
    this.store = options.store ?? new MemoryStore();
    this.steps = new Steps(mulberry32(options.seed ?? 1));
    const config = parseConfig({
      AzureWebJobsStorage: 'none: the store is in memory',
      ORDINAL_BATCH_ROWS: String(options.batchRows ?? 4),
      ORDINAL_PART_ROWS: String(options.partRows ?? 8),
      ORDINAL_REQUESTS_IN_FLIGHT: '2',
      ORDINAL_SHORT_BYTES: options.short ? '1000000' : '0',
      ...options.settings,
    });
    this.store.clock = () => this.steps.now;
    // Each worker with its own process-wide caches.
    const store = withFaults(this.store, (point) => this.workers.reached(point));
    const environments = Array.from({ length: options.workers ?? 2 }, (_, worker) => {
      return { store, config, pipelines, now: () => this.workers.now(worker) };
    });
    this.workers = new Workers(this.steps, environments, { ...calm, ...options.chaos });
    this.host = new Host(this.steps, this.workers, { ...orchestrators, ...options.orchestrators });
    this.clients = new Clients(this.steps, this.workers, this.host);
    this.host.runs = this.clients.runs;
  }

  get environments() {
    return this.workers.environments;
  }

  get instances() {
    return this.host.instances;
  }

  get entities() {
    return this.host.entities;
  }

  get executed() {
    return this.host.executed;
  }

  get payloadBytes() {
    return this.host.payloadBytes;
  }

  get customStatusBytes() {
    return this.host.customStatusBytes;
  }

  get chaos() {
    return this.workers.chaos;
  }

  get now() {
    return this.steps.now;
  }

  set now(ms: number) {
    this.steps.now = ms;
  }

  set onPoint(hook: Workers['onPoint']) {
    this.workers.onPoint = hook;
  }

  random(): number {
    return this.steps.random();
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.random() * items.length)]!;
  }

  /** Starts an instance, or a new life of one that has ended without completing. */
  start(id: string, name: string, input: object): SimInstance {
    assert.ok(this.instances.get(id)?.status !== 'Running', `${id} runs`);
    return this.host.begin(id, name, input);
  }

  /** Claims the run's next life, and starts it. */
  startRun(runId: string, pipeline: string, prefix = `${pipeline}/`, again = false): SimInstance {
    const life = this.#newestLife(runId) + 1;
    if (again) this.again.add(runId);
    const input = { runId, pipeline, prefix, ...(again && { again: true as const }) };
    const claimedAt = new Date(this.now).toISOString();
    const claim: Claim = { version: 1, runId, life, input, claimedAt, state: 'open' };
    // The store in memory does both at once.
    void this.store.ensureContainer('ordinal');
    void this.store.write('ordinal', work.claim(claim), Buffer.from(JSON.stringify(claim)));
    return this.start(lifeId(claim), RUN_ORCHESTRATION, { ...input, life });
  }

  /** Number of the newest life of a run, 0 for none. */
  #newestLife(runId: string): number {
    let life = 0;
    while (this.instances.has(lifeId({ runId, life: life + 1 }))) life++;
    return life;
  }

  /** The newest life of a run; or the instance of that ID. */
  instance(id: string): SimInstance | undefined {
    return this.instances.get(lifeId({ runId: id, life: Math.max(1, this.#newestLife(id)) }));
  }

  /** Ends the newest life of a run as an operator does, at once. */
  terminate(id: string): void {
    const instance = this.instance(id);
    if (instance) this.host.end(instance.id, 'terminated');
  }

  status(id: string): SimInstance['status'] | undefined {
    return this.instance(id)?.status;
  }

  sequence(name: string): SequenceState | undefined {
    const text = this.entities.get(`sequence/${name}`);
    return text === undefined ? undefined : (JSON.parse(text) as SequenceState);
  }

  /** Takes one step. False when nothing is left to happen. */
  step(): Promise<boolean> {
    return this.steps.take();
  }

  /** Runs until nothing is left to happen, or `until` says so. */
  async settle(until: () => boolean = () => false, stepsMax = 500_000): Promise<void> {
    for (let steps = 0; !until() && (await this.step()); steps++) {
      assert.ok(steps < stepsMax, `still busy after ${stepsMax} steps`);
    }
  }

  /** Starts a run, and runs the world until it has ended. */
  async run(runId: string, pipeline: string, prefix?: string, again?: boolean): Promise<SimInstance> {
    const instance = this.startRun(runId, pipeline, prefix, again);
    await this.settle(() => instance.status !== 'Running');
    return instance;
  }

  /** Lets executions that `onPoint` held go on. */
  resume(): void {
    this.workers.resume();
  }
}
