/**
 * What a pattern runs on: Azurite behind counting proxies, its app in the local host, PostgreSQL where it needs one. Runs
 * are started, followed and fetched here. The bench, the deaths and the test open a stage each; closing it ends all
 * processes that it started.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { BlobServiceClient } from '@azure/storage-blob';
import pMap from 'p-map';
import { startAzurite } from '../../packages/local-host/src/azurite.ts';
import { eventType } from '../../packages/local-host/src/engine/model.ts';
import { type StartedHost, startHost } from '../../packages/local-host/src/start-host.ts';
import { countActivity } from '../cost.ts';
import type { Counts } from '../cost-model.ts';
import { type BlobRequests, countRequests, type Witness } from '../counting-proxy.ts';
import { empty } from '../service.ts';
import { type Sequence, sequences } from './apps/shared/sales.ts';
import type { Variant } from './variants.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pollMs = 25;
const atOnce = { concurrency: 16 };
/** A run that takes longer is given up, so that the bench ends by itself. */
export const runSecondsMax = 1_800;

export interface StageOptions {
  variant: Variant;
  /** Activities at the same time. */
  inFlight: number;
  /** Worker processes. @default one for each activity in flight */
  workers?: number | undefined;
  postgresUrl?: string | undefined;
  witness?: Witness;
}

/** Of the run's orchestrations, from the host's state. */
export interface Durable {
  /** Events in the histories. */
  events: number;
  /** To orchestrations and entities. */
  messages: number;
}

export class Stage {
  host!: StartedHost;
  readonly variant: Variant;
  readonly requests: { blobs: BlobRequests; others: BlobRequests[] };
  /** What the app's own lines about activities tell. */
  activities: Pick<Counts, 'activities' | 'seconds'> = { activities: 0, seconds: 0 };
  readonly #options: StageOptions;
  readonly #service: BlobServiceClient;
  readonly #env: Record<string, string>;
  readonly #folder = mkdtempSync(join(tmpdir(), 'patterns-'));
  #state = '';
  #hosts = 0;
  #closers: (() => void | Promise<void>)[] = [];

  private constructor(
    options: StageOptions,
    azurite: Awaited<ReturnType<typeof startAzurite>>,
    proxied: string,
    requests: Stage['requests'],
  ) {
    this.#options = options;
    this.variant = options.variant;
    this.requests = requests;
    this.#service = BlobServiceClient.fromConnectionString(azurite.connectionString);
    this.#env = {
      AzureWebJobsStorage: azurite.connectionString,
      ORDINAL_STORAGE: proxied,
      PATTERNS_STORAGE: proxied,
      PATTERNS_POSTGRES: options.postgresUrl ?? '',
      AzureFunctionsJobHost__extensions__durableTask__maxConcurrentActivityFunctions: String(options.inFlight),
    };
  }

  /** Starts all that the variant needs, with empty containers and no host yet. */
  static async open(options: StageOptions): Promise<Stage> {
    const azurite = await startAzurite();
    const origins = [azurite.blobUrl, azurite.queueUrl, azurite.tableUrl].map((url) => new URL(url).origin);
    const proxies = await Promise.all(origins.map((origin) => countRequests(origin, options.witness)));
    const proxied = origins.reduce(
      (text, origin, i) => text.replaceAll(origin, proxies[i]!.url),
      azurite.connectionString,
    );
    const [blobs, ...others] = proxies.map(({ counts }) => counts);
    const stage = new Stage(options, azurite, proxied, { blobs: blobs!, others });
    stage.#closers = [
      () => azurite.stop(),
      () => {
        for (const proxy of proxies) proxy.close();
      },
    ];
    for (const name of ['landing', 'published', 'work', 'ordinal'])
      await stage.#service.getContainerClient(name).createIfNotExists();
    return stage;
  }

  /** Starts the app with durable state of its own, or goes on with that of the host before. */
  async startHost(state: 'new' | 'same' = 'new'): Promise<void> {
    if (state === 'new') this.#state = join(this.#folder, `host-${++this.#hosts}.sqlite`);
    this.host = await startHost({
      scriptRoot: this.variant.app === undefined ? root : join(root, 'bench/patterns/apps', this.variant.app),
      workers: this.#options.workers ?? this.#options.inFlight,
      state: this.#state,
      env: this.#env,
      onLine: (line) => countActivity(this.activities, line),
    });
  }

  resetCounts(): void {
    for (const counts of [this.requests.blobs, ...this.requests.others])
      Object.assign(counts, { reads: 0, writes: 0, deletes: 0 });
    this.activities = { activities: 0, seconds: 0 };
  }

  /** Replaces the source files. */
  async upload(files: readonly string[]): Promise<void> {
    const landing = this.#service.getContainerClient('landing');
    await empty(landing, '');
    await pMap(
      files,
      async (file) => {
        await landing.getBlockBlobClient(`sales/${basename(file)}`).uploadData(await readFile(file));
      },
      atOnce,
    );
  }

  /** Forgets what earlier runs have left in blobs. */
  async clean(): Promise<void> {
    for (const name of ['published', 'work', 'ordinal']) await empty(this.#service.getContainerClient(name), '');
  }

  /** @throws when the app refuses to start it. @returns false when nobody answered: it may or may not have been started. */
  async start(run: string): Promise<boolean> {
    const { app, per } = this.variant;
    const [path, body] =
      app === undefined
        ? ['api/pipelines/sales/runs', { runId: run }]
        : [`runtime/webhooks/durabletask/orchestrators/run/${run}`, { run, per }];
    const headers = { 'content-type': 'application/json' };
    const request = { method: 'POST', headers, body: JSON.stringify(body) };
    const answer = await fetch(`${this.host.url}/${path}`, request).catch(() => undefined);
    if (answer?.ok) return true;
    // A conflict: it was started by the request before this one. 5xx: a worker died under the request.
    if (answer === undefined || answer.status >= 500) return false;
    if (answer.status === 409) return true;
    throw new Error(`${this.variant.name} was not started: ${answer.status} ${await answer.text()}`);
  }

  /** Waits for the end of a run. @param between is awaited before each look; a host may be replaced in it. @throws when the run fails or takes too long. */
  async complete(run: string, between: () => Promise<void> = async () => {}): Promise<void> {
    const deadline = performance.now() + runSecondsMax * 1000;
    while (performance.now() < deadline) {
      await between();
      const status = await this.#status(run);
      if (status?.runtimeStatus === 'Completed') return;
      if (status?.runtimeStatus === 'Failed' || status?.runtimeStatus === 'Terminated') {
        throw new Error(
          `${this.variant.name} ended as ${status.runtimeStatus}: ${JSON.stringify(status).slice(0, 2_000)}`,
        );
      }
      await delay(pollMs);
    }
    throw new Error(`${this.variant.name} has not ended after ${runSecondsMax} s`);
  }

  /** Undefined while the host does not answer. */
  async #status(run: string): Promise<{ runtimeStatus?: string } | undefined> {
    try {
      const answer = await fetch(`${this.host.url}/runtime/webhooks/durabletask/instances/${run}?showInput=false`);
      return (await answer.json()) as { runtimeStatus?: string };
    } catch {
      return undefined;
    }
  }

  /** Names of the published files that a reader finds now: Ordinal's readers go by manifests, for the others there are none. */
  async visible(run: string): Promise<string[]> {
    const published = this.#service.getContainerClient('published');
    if (this.variant.app === undefined) {
      const manifest = published.getBlobClient(`sales/_manifests/${run}.json`);
      if (!(await manifest.exists())) return [];
      const { entities } = JSON.parse((await manifest.downloadToBuffer()).toString()) as {
        entities: { files: { blob: string }[] }[];
      };
      return entities.flatMap(({ files }) => files.map(({ blob }) => blob));
    }
    const names: string[] = [];
    for await (const { name } of published.listBlobsFlat({ prefix: `${run}/` })) names.push(name);
    return names;
  }

  /** Downloads what a run has published. The second part of a blob's name is its entity. */
  async fetch(run: string): Promise<Record<Sequence, string[]>> {
    const published = this.#service.getContainerClient('published');
    const folder = mkdtempSync(join(this.#folder, 'published-'));
    const files = Object.fromEntries(sequences.map((sequence) => [sequence, []])) as unknown as Record<
      Sequence,
      string[]
    >;
    await pMap(
      await this.visible(run),
      async (name) => {
        const file = join(folder, name.replaceAll('/', '+'));
        await published.getBlobClient(name).downloadToFile(file);
        files[name.split('/')[1] as Sequence].push(file);
      },
      atOnce,
    );
    return files;
  }

  /** Stops the host, and reads what is in its state of the run and its sub-orchestrations. */
  async stopHost(run: string): Promise<Durable> {
    await this.host.stop();
    const state = new DatabaseSync(this.#state, { readOnly: true });
    const rows = state
      .prepare(
        `select json_extract(event, '$.EventType') as type, count(*) as n from history where instance_id = ? or instance_id like ? group by 1`,
      )
      .all(run, `${run}-%`) as { type: number; n: number }[];
    state.close();
    const of = (...types: number[]) =>
      rows.filter(({ type }) => types.includes(type)).reduce((sum, { n }) => sum + n, 0);
    const { executionStarted, taskCompleted, taskFailed, timerFired, eventRaised } = eventType;
    const { subOrchestrationCompleted, subOrchestrationFailed } = eventType;
    return {
      events: rows.reduce((sum, { n }) => sum + n, 0),
      // What an entity answers came by a message to it.
      messages:
        of(executionStarted, taskCompleted, taskFailed, timerFired, subOrchestrationCompleted, subOrchestrationFailed) +
        2 * of(eventRaised),
    };
  }

  async close(): Promise<void> {
    await this.host?.stop();
    for (const close of this.#closers.reverse()) await close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
