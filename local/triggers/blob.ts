import type { ContainerClient } from '@azure/storage-blob';
import type { AppFunction } from '../functions.ts';
import type { TypedData } from '../worker/protocol.ts';
import { parseBlobPath } from './blob-path.ts';
import {
  type BlobFunction,
  type BlobMessage,
  blobMessage,
  connectionOf,
  modelBinding,
  plainEtag,
  shownProperties,
} from './blob-values.ts';
import { invokeTriggered, type TriggerContext } from './invocation.ts';
import { parseConnectionString, QueueClient, type QueueMessage } from './queue-client.ts';

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
const visibilityS = 30;

/**
 * The blob trigger. A scan finds blobs without a receipt, writes their message to a queue and then finishes the receipt:
 * one version of a blob fires once, whatever dies in between. A consumer takes the messages, runs the function, and
 * after the last failed try moves the message to the poison queue.
 */
export class BlobTriggers {
  private readonly options: BlobTriggerOptions;
  private readonly functions: BlobFunction[];
  private readonly queue: QueueClient;
  private readonly poison: QueueClient;
  private readonly receipts: ContainerClient;
  private stopped = false;
  private running = 0;
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
  }

  /** @throws when a path or a connection is wrong. */
  static async create(options: BlobTriggerOptions, functions: readonly AppFunction[]): Promise<BlobTriggers> {
    const { BlobServiceClient } = await import('@azure/storage-blob');
    const service = (connection: string) => BlobServiceClient.fromConnectionString(connection);
    const blobFunctions = functions.map((found): BlobFunction => {
      const trigger = found.trigger as { path?: string; connection?: string; source?: string };
      const connection = connectionOf(options.env, trigger.connection ?? '', found.name);
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
    const own = connectionOf(options.env, '', 'the host');
    const account = parseConnectionString(own);
    const queue = new QueueClient(account, `azure-webjobs-blobtrigger-${options.hostId}`);
    const poison = new QueueClient(account, poisonQueueName);
    const receipts = service(own).getContainerClient(receiptContainer);
    return new BlobTriggers(options, blobFunctions, queue, poison, receipts);
  }

  /** Looks for blobs and messages until `stop`; trouble with the storage is reported and tried again. */
  async start(): Promise<void> {
    let prepared = false;
    let troubled = false;
    const round = async () => {
      try {
        if (!prepared) {
          await Promise.all([this.queue.create(), this.poison.create(), this.receipts.createIfNotExists()]);
          prepared = true;
        }
        for (const each of this.functions) if (!each.byEvents) await this.scan(each);
        await this.consume();
        troubled = false;
      } catch (error) {
        if (!troubled) this.options.log('warning', `blob trigger: ${text(error)}; will be tried again.`);
        troubled = true;
      }
      if (!this.stopped) this.timer = setTimeout(() => void round(), this.options.pollMs);
    };
    await round();
  }

  /** Takes nothing new; resolves when what runs has ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    while (this.running > 0) await this.options.sleep(10);
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
      await this.queue.put(JSON.stringify(blobMessage(target, name, data.eTag ?? '')));
    }
    return undefined;
  }

  private async scan(each: BlobFunction): Promise<void> {
    const container = each.service.getContainerClient(each.path.container);
    try {
      for await (const { name, properties } of container.listBlobsFlat({ prefix: each.path.prefix })) {
        if (this.stopped) return;
        const etag = plainEtag(properties.etag);
        const version = `${etag}/${name}`;
        if (each.done.has(version) || each.path.match(name) === undefined) continue;
        await this.announce(each, name, etag);
        each.done.add(version);
      }
    } catch (error) {
      if ((error as { code?: string }).code !== 'ContainerNotFound') throw error;
    }
  }

  private async announce(each: BlobFunction, name: string, etag: string): Promise<void> {
    const path = `blobreceipts/${this.options.hostId}/${each.id}/"${etag}"/${each.path.container}/${name}`;
    const receipt = this.receipts.getBlockBlobClient(path);
    try {
      await receipt.upload('', 0, { conditions: { ifNoneMatch: '*' } });
    } catch (error) {
      if ((error as { statusCode?: number }).statusCode !== 409) throw error;
      const { metadata } = await receipt.getProperties();
      if (metadata?.completed !== undefined) return;
    }
    await this.queue.put(JSON.stringify(blobMessage(each, name, etag)));
    await receipt.setMetadata({ completed: new Date(this.options.now()).toISOString().replaceAll(/[:.]/g, '-') });
  }

  private async consume(): Promise<void> {
    for (;;) {
      const room = Math.min(32, this.options.parallelism - this.running);
      if (this.stopped || room <= 0) return;
      const messages = await this.queue.take(room, visibilityS);
      if (messages.length === 0) return;
      for (const message of messages) {
        this.running++;
        void this.handle(message).finally(() => this.running--);
      }
    }
  }

  private async handle(message: QueueMessage): Promise<void> {
    const { log, sleep } = this.options;
    // While the function runs, nobody else may take the message.
    const renewal = setInterval(() => void this.queue.update(message, visibilityS).catch(() => {}), visibilityS * 333);
    try {
      const blob = JSON.parse(message.text) as BlobMessage;
      const each = this.functions.find((found) => found.id === blob.FunctionId);
      if (each !== undefined) await this.run(each, blob);
      await this.queue.delete(message);
    } catch (error) {
      log('error', `blob trigger, try ${message.dequeueCount} of ${this.options.triesMax}: ${text(error)}`);
      await this.afterFailure(message).catch((trouble: unknown) => log('warning', `blob trigger: ${text(trouble)}`));
    } finally {
      clearInterval(renewal);
    }
    await sleep(0);
  }

  private async afterFailure(message: QueueMessage): Promise<void> {
    // A host that stops under a function is not the blob's fault.
    if (this.stopped || message.dequeueCount < this.options.triesMax) {
      await this.queue.update(message, 0);
      return;
    }
    await this.poison.put(message.text);
    await this.queue.delete(message);
    const { BlobName, ContainerName } = JSON.parse(message.text) as BlobMessage;
    this.options.log('error', `${ContainerName}/${BlobName} goes to the queue ${poisonQueueName}.`);
  }

  private async run(each: BlobFunction, blob: BlobMessage): Promise<void> {
    const container = each.service.getContainerClient(blob.ContainerName);
    const client = container.getBlockBlobClient(blob.BlobName);
    const properties = await client.getProperties().catch((error: { statusCode?: number }) => {
      if (error.statusCode === 404) return undefined;
      throw error;
    });
    // Gone, or replaced by a version that has its own message.
    if (properties === undefined) return;
    if (!each.byEvents && plainEtag(properties.etag) !== blob.ETag) return;
    const bound = (each.found.trigger.properties as { supportsDeferredBinding?: string } | undefined)
      ?.supportsDeferredBinding;
    const value: TypedData =
      bound === 'true' || each.found.trigger.sdkBinding === true
        ? modelBinding(each.found, blob)
        : { bytes: await client.downloadToBuffer() };
    const parameters = each.path.match(blob.BlobName) ?? {};
    await invokeTriggered(this.options, each.found, value, {
      BlobTrigger: { string: `${blob.ContainerName}/${blob.BlobName}` },
      Uri: { json: JSON.stringify(client.url) },
      Properties: { json: JSON.stringify(shownProperties(properties)) },
      Metadata: { json: JSON.stringify(properties.metadata ?? {}) },
      ...Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, { string: value }])),
    });
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
