/** The built app on the local host over Azurite in memory, as its users meet it: by HTTP and by blobs. */
import { cp, mkdir, symlink } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { BlobServiceClient } from '@azure/storage-blob';
import type { RunningAzurite } from '../../../packages/local-host/src/azurite.ts';
import { startHost } from '../../../packages/local-host/src/start-host.ts';
import { startAzurite } from '../../support/azurite.ts';
import { stagedApp } from '../../support/staged-app.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** A copy of the built app for a test to change, file by file: what is deployed is a bundle. Gives `folder`, which it makes. */
export async function copyOfApp(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (const name of ['dist', 'host.json', 'package.json'])
    await cp(path.join(root, name), path.join(folder, name), { recursive: true });
  await symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  return folder;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

export interface App {
  /** Without a trailing slash. */
  url: string;
  /** What the host printed: one JSON object a line. */
  log: string[];
  upload(container: string, name: string, bytes: Uint8Array): Promise<void>;
  names(container: string, prefix?: string): Promise<string[]>;
  download(container: string, name: string): Promise<Buffer>;
  remove(container: string, name: string): Promise<void>;
  /** Asks the API; the answer must be a JSON object. `path` is below `/api/`, or a whole address. */
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Asks for the outcome of a run until there is one. */
  ended(runId: string): Promise<Answer>;
  stop(): Promise<void>;
}

interface AppOptions {
  /** Of another app than the project itself, as it is deployed in tests, and as it is built elsewhere. */
  scriptRoot?: string;
  /** One that goes on when the app stops. */
  azurite?: RunningAzurite;
  /** Another host than that of the sources. */
  localHost?: { startAzurite: typeof startAzurite; startHost: typeof startHost };
  /** File of the durable state. @default in memory */
  state?: string;
}

export async function startApp(
  env: Record<string, string> = {},
  args: string[] = [],
  options: AppOptions = {},
): Promise<App> {
  const localHost = options.localHost ?? { startAzurite, startHost };
  const azurite = options.azurite ?? (await localHost.startAzurite());
  const release = async () => {
    if (!options.azurite) await azurite.stop();
  };
  const log: string[] = [];
  const host = await localHost
    .startHost({
      scriptRoot: options.scriptRoot ?? (process.env.VITEST === undefined ? root : stagedApp),
      ...(options.state !== undefined && { state: options.state }),
      workers: 1,
      env: { AzureWebJobsStorage: azurite.connectionString, ...env },
      args,
      onLine: (line) => log.push(line),
    })
    .catch(async (error: unknown) => {
      await release();
      throw error;
    });
  const service = BlobServiceClient.fromConnectionString(azurite.connectionString);
  const containers = new Map<string, Promise<unknown>>();
  const ask: App['ask'] = async (method, path, body, headers = {}) => {
    const url = path.startsWith('http') ? path : `${host.url}/api/${path}`;
    const response = await fetch(url, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new Error(`no object: ${text}`);
    return { status: response.status, headers: response.headers, body: parsed as Record<string, unknown> };
  };
  return {
    url: host.url,
    log,
    ask,
    async upload(container, name, bytes) {
      const client = service.getContainerClient(container);
      const made = containers.get(container) ?? client.createIfNotExists();
      containers.set(container, made);
      await made;
      await client.getBlockBlobClient(name).upload(bytes, bytes.byteLength);
    },
    async names(container, prefix = '') {
      const found: string[] = [];
      const client = service.getContainerClient(container);
      if (!(await client.exists())) return found;
      for await (const item of client.listBlobsFlat({ prefix })) found.push(item.name);
      return found;
    },
    async remove(container, name) {
      await service.getContainerClient(container).getBlobClient(name).delete();
    },
    download: (container, name) => service.getContainerClient(container).getBlobClient(name).downloadToBuffer(),
    async ended(runId) {
      for (;;) {
        const answer = await ask('GET', `runs/${runId}/outcome`);
        if (answer.status !== 202) return answer;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    async stop() {
      await host.stop();
      await release();
    },
  };
}
