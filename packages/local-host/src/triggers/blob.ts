/**
 * The blob trigger. A scan, or an event of Event Grid, finds blobs and puts a message for each into the internal queue;
 * a consumer takes the messages and runs the functions. `start.ts` makes it. Receipts and queue have Azure's names.
 */
import { buffer } from 'node:stream/consumers';
import type { BlockBlobClient, ContainerClient } from '@azure/storage-blob';
import { connectionOf } from '../connection.ts';
import type { AppFunction } from '../functions.ts';
import type { TypedData } from '../worker/protocol.ts';
import { parseBlobPath } from './blob-path.ts';
import { BlobQueue } from './blob-queue.ts';
import { scanBlobs } from './blob-scan.ts';
import {
  type BlobFunction,
  type BlobMessage,
  bindsToClient,
  blobMessage,
  modelBinding,
  plainEtag,
  type ShownProperties,
  shownProperties,
} from './blob-values.ts';
import { invokeTriggered, type TriggerContext } from './invocation.ts';
import { parseConnectionString, QueueClient } from './queue-client.ts';

export interface BlobTriggerOptions extends TriggerContext {
  env: Record<string, string>;
  /** Tries before a blob goes to the poison queue (`poisonBlobThreshold`). */
  triesMax: number;
  parallelism: number;
  pollMs: number;
  /** Part of the names of receipts and of the queue, so that hosts of different apps do not share them. */
  hostId: string;
}

const poisonQueueName = 'webjobs-blobtrigger-poison';
const receiptContainer = 'azure-webjobs-hosts';

/**
 * The blob trigger: a scan (or Event Grid) finds blobs and writes a message for each to the internal queue; a consumer
 * takes the messages and runs the functions.
 */
export class BlobTriggers {
  private readonly options: BlobTriggerOptions;
  private readonly functions: BlobFunction[];
  private readonly queue: QueueClient;
  private readonly poison: QueueClient;
  private readonly receipts: ContainerClient;
  private readonly consumer: BlobQueue;
  private stopped = false;
  private scanning = false;
  private timer: NodeJS.Timeout | undefined;

  private constructor(
    options: BlobTriggerOptions,
    functions: BlobFunction[],
    queue: QueueClient,
    poison: QueueClient,
    receipts: ContainerClient,
  ) {
    this.options = options;
    this.functions = functions;
    this.queue = queue;
    this.poison = poison;
    this.receipts = receipts;
    this.consumer = new BlobQueue({
      queue,
      poison,
      parallelism: options.parallelism,
      triesMax: options.triesMax,
      handle: (text) => this.handle(JSON.parse(text) as BlobMessage),
      poisoned: (text) => {
        const { BlobName, ContainerName } = JSON.parse(text) as BlobMessage;
        options.log('error', `${ContainerName}/${BlobName} goes to the queue ${poisonQueueName}.`);
      },
      log: options.log,
    });
  }

  /** @throws when a path or a connection is wrong. */
  static async create(options: BlobTriggerOptions, functions: readonly AppFunction[]): Promise<BlobTriggers> {
    const { BlobServiceClient } = await import('@azure/storage-blob');
    const service = (connection: string) => BlobServiceClient.fromConnectionString(connection);
    const blobFunctions = functions.map((found): BlobFunction => {
      const trigger = found.trigger as { path?: string; connection?: string; source?: string };
      const connection = connectionOf(options.env, trigger.connection ?? '');
      return {
        found,
        id: `Host.Functions.${found.name}`,
        path: parseBlobPath(trigger.path ?? ''),
        connection,
        service: service(connection),
        byEvents: trigger.source === 'EventGrid',
        done: new Set(),
      };
    });
    const own = connectionOf(options.env, '');
    const account = parseConnectionString(own);
    const queue = new QueueClient(account, `azure-webjobs-blobtrigger-${options.hostId}`);
    const poison = new QueueClient(account, poisonQueueName);
    const receipts = service(own).getContainerClient(receiptContainer);
    return new BlobTriggers(options, blobFunctions, queue, poison, receipts);
  }

  /** Looks for blobs and messages until `stop`. A storage error is logged, and the request is tried again. */
  async start(): Promise<void> {
    let prepared = false;
    let troubled = false;
    const round = async () => {
      this.scanning = true;
      try {
        if (!prepared) {
          await Promise.all([this.queue.create(), this.poison.create(), this.receipts.createIfNotExists()]);
          prepared = true;
        }
        await Promise.all([this.scan(), this.consumer.pump()]);
        troubled = false;
      } catch (error) {
        if (!troubled) this.options.log('warning', `blob trigger: ${text(error)}; will be tried again.`);
        troubled = true;
      }
      this.scanning = false;
      if (!this.stopped) this.timer = setTimeout(() => void round(), this.options.pollMs);
    };
    await round();
  }

  /** Starts nothing new. Resolves when running functions have ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.consumer.stop();
    clearTimeout(this.timer);
    while (this.scanning || !this.consumer.idle) await this.options.sleep(10);
  }

  /** An Event Grid delivery (`source: 'EventGrid'`). @returns the answer's body, if it has one. */
  async receiveEvents(functionId: string, events: readonly Record<string, unknown>[]): Promise<object | undefined> {
    const target = this.functions.find((each) => each.id.toLowerCase() === functionId.toLowerCase());
    if (target === undefined) throw new Error(`no blob function '${functionId}'`);
    for (const event of events) {
      const data = (event.data ?? {}) as { validationCode?: string; url?: string; eTag?: string };
      if (event.eventType === 'Microsoft.EventGrid.SubscriptionValidationEvent') {
        return { validationResponse: data.validationCode };
      }
      if (event.eventType !== 'Microsoft.Storage.BlobCreated' || data.url === undefined) continue;
      const [container = '', ...rest] = decodeURIComponent(new URL(data.url).pathname)
        .slice(1)
        .split('/')
        .filter((part, index) => index > 0 || part !== target.service.accountName);
      const name = rest.join('/');
      if (container !== target.path.container || target.path.match(name) === undefined) continue;
      await this.put(blobMessage(target, name, data.eTag ?? ''));
    }
    return undefined;
  }

  private scan(): Promise<void> {
    return scanBlobs({
      functions: this.functions,
      receipts: this.receipts,
      hostId: this.options.hostId,
      now: this.options.now,
      announce: (message) => this.put(message),
      isStopped: () => this.stopped,
    });
  }

  private async put(message: BlobMessage): Promise<void> {
    await this.queue.put(JSON.stringify(message));
    // The next request reports an error of the queue.
    this.consumer.pump().catch(() => {});
  }

  private async handle(blob: BlobMessage): Promise<void> {
    const each = this.functions.find((found) => found.id === blob.FunctionId);
    if (each !== undefined) await this.run(each, blob);
  }

  private async run(each: BlobFunction, blob: BlobMessage): Promise<void> {
    const container = each.service.getContainerClient(blob.ContainerName);
    const client = container.getBlockBlobClient(blob.BlobName);
    const found = await this.read(each, client);
    // The blob is gone, or was replaced by a version that has its own message.
    if (found === undefined) return;
    if (!each.byEvents && plainEtag(found.properties.etag) !== blob.ETag) return;
    const value: TypedData = found.bytes === undefined ? modelBinding(each.found, blob) : { bytes: found.bytes };
    const parameters = each.path.match(blob.BlobName) ?? {};
    await invokeTriggered(this.options, each.found, value, {
      BlobTrigger: { string: `${blob.ContainerName}/${blob.BlobName}` },
      Uri: { json: JSON.stringify(client.url) },
      Properties: { json: JSON.stringify(shownProperties(found.properties)) },
      Metadata: { json: JSON.stringify(found.properties.metadata ?? {}) },
      ...Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, { string: value }])),
    });
  }

  /** The blob's properties, and its bytes unless the function binds to the SDK's client; undefined when it is gone. */
  private async read(each: BlobFunction, client: BlockBlobClient): Promise<FoundBlob | undefined> {
    try {
      if (bindsToClient(each.found)) return { properties: await client.getProperties(), bytes: undefined };
      const properties = await client.download();
      return { properties, bytes: await buffer(properties.readableStreamBody as NodeJS.ReadableStream) };
    } catch (error) {
      if ((error as { statusCode?: number }).statusCode === 404) return undefined;
      throw error;
    }
  }
}

interface FoundBlob {
  properties: ShownProperties & { metadata?: Record<string, string> };
  bytes: Uint8Array | undefined;
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
