/**
 * Ordinal, engine only: the real orchestrator and the real activities, the latter on as many worker threads as asked
 * for, local files in and out. Every run has a folder of its own, so no key and no ID is known before it.
 */
import fs from 'node:fs/promises';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { pipelines } from '../../pipelines/index.ts';
import type { Manifest } from '../../src/documents/manifest.ts';
import { InProcess } from '../../src/testing/in-process.ts';
import type { StoreCounters } from '../file-store.ts';
import { PhaseClock } from '../phase-clock.ts';
import type { Contestant, RunResult, Work } from './contestant.ts';
import type { ActivityAnswer, ActivityCall } from './ordinal-activities.ts';

export async function open({ set, source, threads }: Work): Promise<Contestant> {
  // A run that keeps its work in one process would leave the other workers idle.
  if (threads > 1) process.env.ORDINAL_SHORT_BYTES = '0';
  const workers = new WorkerPool(threads);
  return { run: (folder) => run(set, source, folder, (call) => workers.call(call)) };
}

/** One run of a pipeline over `folder` as its blob store, with `call` to run activities. */
export async function run(
  set: string,
  source: string,
  folder: string,
  call: (call: ActivityCall) => Promise<ActivityAnswer>,
  onPhase: (phase: string) => void = () => undefined,
): Promise<RunResult> {
  const pipeline = pipelines.get(set)!;
  const landing = path.join(folder, pipeline.source.container, pipeline.source.prefix);
  // A folder stands for all blobs under the prefix.
  const many = (await fs.stat(source)).isDirectory();
  await fs.mkdir(many ? path.dirname(landing) : landing, { recursive: true });
  await fs.symlink(
    path.resolve(source),
    many ? landing.replace(/\/$/, '') : path.join(landing, `source${pipeline.source.suffix}`),
  );
  const total: StoreCounters = { requests: 0, bytesRead: 0, bytesWritten: 0 };
  const phases = new PhaseClock();
  const host = new InProcess({
    activity: async (name, input) => {
      const { result, counters } = await call({ root: folder, name, input });
      for (const key of ['requests', 'bytesRead', 'bytesWritten'] as const) total[key] += counters[key];
      return result;
    },
    onPhase: (phase) => {
      phases.begin(phase);
      onPhase(phase);
    },
  });
  const finished = await host.run(set, pipeline.source.prefix, 'bench');
  const published = path.join(folder, pipeline.output.container);
  const manifest = JSON.parse(await fs.readFile(path.join(published, finished.manifest!), 'utf8')) as Manifest;
  return { files: filesOf(manifest, published), ...total, phases: phases.milliseconds };
}

function filesOf(manifest: Manifest, published: string): Record<string, string[]> {
  return Object.fromEntries(
    manifest.entities.map(({ entity, files }) => [entity, files.map(({ blob }) => path.join(published, blob))]),
  );
}

interface Pending {
  call: ActivityCall;
  resolve(answer: ActivityAnswer): void;
  reject(reason: unknown): void;
}

/** V8 takes up to a hundred MiB for young objects where it is let; a fifth of it is as quick. */
const resourceLimits = { maxYoungGenerationSizeMb: 32 };

/** Worker threads with one queue: whoever is free takes the next activity. */
class WorkerPool {
  readonly #idle: Worker[];
  readonly #running = new Map<Worker, Pending>();
  readonly #queue: Pending[] = [];

  constructor(width: number) {
    this.#idle = Array.from({ length: width }, () => {
      const worker = new Worker(new URL(`./ordinal-worker${path.extname(import.meta.url)}`, import.meta.url), {
        resourceLimits,
      });
      worker.on('message', (answer: ActivityAnswer) => this.#settle(worker, (pending) => pending.resolve(answer)));
      worker.on('error', (error) => this.#settle(worker, (pending) => pending.reject(error)));
      return worker;
    });
  }

  call(call: ActivityCall): Promise<ActivityAnswer> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ call, resolve, reject });
      this.#next();
    });
  }

  #settle(worker: Worker, settle: (pending: Pending) => void): void {
    const pending = this.#running.get(worker);
    this.#running.delete(worker);
    this.#idle.push(worker);
    if (pending) settle(pending);
    this.#next();
  }

  #next(): void {
    while (this.#idle.length > 0 && this.#queue.length > 0) {
      const worker = this.#idle.shift()!;
      const pending = this.#queue.shift()!;
      this.#running.set(worker, pending);
      worker.postMessage(pending.call);
    }
  }
}
