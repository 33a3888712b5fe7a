/**
 * Ordinal as a service, as a race's contestant: the built app in the local durable host, blobs in Azurite. A run's time
 * is from the request that starts it until its orchestration is completed; the first one's, from the start of the host.
 */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import type { RunningAzurite } from '../packages/local-host/src/azurite.ts';
import { type StartedHost, startHost } from '../packages/local-host/src/start-host.ts';
import { pipelines } from '../pipelines/index.ts';
import type { Manifest } from '../src/documents/manifest.ts';
import type { CompiledPipeline } from '../src/pipeline/compiled.ts';
import { deployedApp } from './bundle.ts';
import type { Work } from './contestants/contestant.ts';
import type { Measured } from './contestants/process.ts';
import { countRequests } from './counting-proxy.ts';
import { cpuSeconds, peakRssMib, treeOf } from './processes.ts';
import type { Racer } from './race.ts';
import type { Result } from './result.ts';

/** Milliseconds between two looks at a run: often only when it is about to end, for looking costs what is measured. */
const pollMs = { far: 100, near: 20 };
const nearTheEnd: readonly string[] = ['seal', 'publish', 'done'];
const runSecondsMax = 600;

/** An app, and its pipeline that is measured. */
export interface MeasuredApp {
  /** Its folder. @default this repository's app, as it is deployed */
  scriptRoot?: string;
  pipeline: CompiledPipeline;
  /** Takes away what a run left, so that the next one has as much to do. @default all that is published, and all work */
  restore?(service: BlobServiceClient): Promise<void>;
}

/** The sample app with one of its pipelines. */
export function sampleApp(pipeline: string): MeasuredApp {
  return { pipeline: pipelines.get(pipeline)! };
}

export function openService(work: Work, app: MeasuredApp): Racer {
  const { pipeline } = app;
  const service = BlobServiceClient.fromConnectionString(work.storage!);
  const published = service.getContainerClient(pipeline.output.container);
  let host: StartedHost | undefined;
  const renew = async () => {
    await host?.stop();
    host = undefined;
  };
  return {
    engine: 'ordinal',
    work,
    name: `ordinal/${work.threads}`,
    async run(folder): Promise<Measured> {
      const scriptRoot = app.scriptRoot ?? (await deployedApp());
      const storage = treeOf(work.storagePid!);
      const storageBefore = cpuSeconds(storage);
      const cpuBefore = host ? cpuSeconds(treeOf(host.pid)) : 0;
      const begin = performance.now();
      host ??= await startHost({
        scriptRoot,
        workers: work.threads,
        // As engine against engine: there are as many workers as cores.
        env: {
          AzureWebJobsStorage: work.storage!,
          languageWorkers__node__arguments: '--single-threaded-gc --max-semi-space-size=8',
        },
      });
      const runId = randomUUID();
      await complete(host.url, pipeline.name, runId);
      const wall = (performance.now() - begin) / 1000;
      const end = Date.now();
      const storageCpu = cpuSeconds(storage) - storageBefore;
      const tree = treeOf(host.pid);
      const cpu = cpuSeconds(tree) - cpuBefore;
      const { files, bytes, phases } = await fetchRun(
        published,
        `${pipeline.output.prefix}_manifests/${runId}.json`,
        folder,
      );
      await restore(app, service);
      return {
        files,
        wall,
        cpu,
        storageCpu,
        phases: durations([...phases, { phase: 'end', at: new Date(end).toISOString() }]),
        peakRssMib: tree.reduce((sum, pid) => sum + peakRssMib(pid), 0),
        bytesPublished: bytes,
      };
    },
    renew,
    close: renew,
  };
}

/** The next run finds no key of this one, so that it has as much to do. */
async function restore(app: MeasuredApp, service: BlobServiceClient): Promise<void> {
  if (app.restore) return await app.restore(service);
  await empty(service.getContainerClient(app.pipeline.output.container), '');
  await empty(service.getContainerClient('ordinal'), '');
}

/** Requests of one run, as its blob service gets them: a run of its own, for a proxy in between costs time. */
export async function requestsOf(azurite: RunningAzurite, app: MeasuredApp, workers: number): Promise<number> {
  const { origin } = new URL(azurite.blobUrl);
  const proxy = await countRequests(origin);
  const env = {
    AzureWebJobsStorage: azurite.connectionString,
    ORDINAL_STORAGE: azurite.connectionString.replace(origin, proxy.url),
  };
  const host = await startHost({ scriptRoot: app.scriptRoot ?? (await deployedApp()), workers, env });
  try {
    await complete(host.url, app.pipeline.name, 'counted');
    const { reads, writes, deletes } = proxy.counts;
    return reads + writes + deletes;
  } finally {
    await host.stop();
    proxy.close();
    await restore(app, BlobServiceClient.fromConnectionString(azurite.connectionString));
  }
}

/** Results with the requests of a run: of those who do not count them, `counted`. */
export function withRequests(results: readonly Result[], counted: number): Result[] {
  return results.map(({ blob_requests: requests = counted, ...result }) => ({ ...result, requests }));
}

interface Status {
  runtimeStatus?: string;
  customStatus?: { phase?: string };
}

/** Starts a run over HTTP and waits for its end. Throws when it is not a good one. */
export async function complete(url: string, pipeline: string, runId: string): Promise<void> {
  const answer = await fetch(`${url}/api/pipelines/${pipeline}/runs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ runId, again: true }),
  });
  if (!answer.ok) throw new Error(`the run was not started: ${answer.status} ${await answer.text()}`);
  const deadline = performance.now() + runSecondsMax * 1000;
  while (performance.now() < deadline) {
    const status = await fetch(`${url}/runtime/webhooks/durabletask/instances/${runId}?showInput=false`);
    const { runtimeStatus, customStatus } = (await status.json()) as Status;
    if (runtimeStatus === 'Completed') return;
    if (runtimeStatus === 'Failed' || runtimeStatus === 'Terminated') {
      throw new Error(`the run ended as ${runtimeStatus}: ${JSON.stringify(customStatus)}`);
    }
    await delay(nearTheEnd.includes(customStatus?.phase ?? '') ? pollMs.near : pollMs.far);
  }
  throw new Error(`the run has not ended after ${runSecondsMax} s`);
}

async function fetchRun(
  published: ContainerClient,
  manifestName: string,
  folder: string,
): Promise<{ files: Record<string, string[]>; bytes: number; phases: Manifest['phases'] }> {
  const document = await published.getBlobClient(manifestName).downloadToBuffer();
  const manifest = JSON.parse(document.toString('utf8')) as Manifest;
  const files: Record<string, string[]> = {};
  let bytes = 0;
  for (const { entity, files: parts } of manifest.entities) {
    files[entity] = [];
    for (const { blob } of parts) {
      const file = path.join(folder, blob);
      fs.mkdirSync(path.dirname(file), { recursive: true });
      await published.getBlobClient(blob).downloadToFile(file);
      files[entity].push(file);
      bytes += fs.statSync(file).size;
    }
  }
  return { files, bytes, phases: manifest.phases };
}

/** Milliseconds of each phase: it lasts until the next begins. */
function durations(phases: Manifest['phases']): Record<string, number> {
  return Object.fromEntries(
    phases.slice(1).map(({ at }, i) => [phases[i]!.phase, Date.parse(at) - Date.parse(phases[i]!.at)]),
  );
}

/** Deletes all blobs under a prefix. */
export async function empty(container: ContainerClient, prefix: string): Promise<void> {
  for await (const blob of container.listBlobsFlat({ prefix })) await container.deleteBlob(blob.name);
}
