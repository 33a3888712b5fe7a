/**
 * Takes messages from the blob trigger's internal queue and runs the functions for them. `blob.ts` owns it. A message
 * that fails too often goes to the poison queue; no other message may be lost.
 */
import type { QueueClient, QueueMessage } from './queue-client.ts';

export interface BlobQueueOptions {
  queue: QueueClient;
  poison: QueueClient;
  /** Messages that are handled at the same time. */
  parallelism: number;
  /** Tries before a message goes to the poison queue. */
  triesMax: number;
  handle: (text: string) => Promise<void>;
  /** Called when a message has gone to the poison queue. */
  poisoned: (text: string) => void;
  log: (level: 'warning' | 'error', message: string) => void;
}

const visibilityS = 30;
/** The most messages that one request may take. */
const takenAtOnceMax = 32;

/**
 * Takes messages from the internal queue as fast as they are handled; those that fail too often go to the poison queue.
 */
export class BlobQueue {
  private readonly options: BlobQueueOptions;
  private running = 0;
  private pumping = false;
  /** Set when `pump` is called while it runs: there is another message, or room for one. */
  private again = false;
  private stopped = false;

  constructor(options: BlobQueueOptions) {
    this.options = options;
  }

  /** Takes what is there, as long as there is room. @throws when the queue cannot be reached. */
  async pump(): Promise<void> {
    this.again = true;
    if (this.pumping) return;
    this.pumping = true;
    try {
      while (this.again && !this.stopped) {
        this.again = false;
        await this.fill();
      }
    } finally {
      this.pumping = false;
    }
  }

  stop(): void {
    this.stopped = true;
  }

  get idle(): boolean {
    return this.running === 0 && !this.pumping;
  }

  private async fill(): Promise<void> {
    const { parallelism } = this.options;
    // It asks again only when half of the places are free, as Azure does. So one request takes several messages.
    while (!this.stopped && this.running <= parallelism >> 1) {
      const room = Math.min(takenAtOnceMax, parallelism - this.running);
      const messages = await this.options.queue.take(room, visibilityS);
      if (messages.length === 0) return;
      for (const message of messages) {
        this.running++;
        void this.deliver(message).finally(() => {
          this.running--;
          // The next request reports an error of the queue.
          this.pump().catch(() => {});
        });
      }
    }
  }

  private async deliver(message: QueueMessage): Promise<void> {
    const { queue, log, triesMax } = this.options;
    // While the function runs, no other consumer may take the message.
    const renewal = setInterval(() => void queue.update(message, visibilityS).catch(() => {}), visibilityS * 333);
    try {
      await this.options.handle(message.text);
      await queue.delete(message);
    } catch (error) {
      log('error', `blob trigger, try ${message.dequeueCount} of ${triesMax}: ${text(error)}`);
      await this.afterFailure(message).catch((trouble: unknown) => log('warning', `blob trigger: ${text(trouble)}`));
    } finally {
      clearInterval(renewal);
    }
  }

  private async afterFailure(message: QueueMessage): Promise<void> {
    // When the host stops while a function runs, the blob is not at fault, so the try does not count.
    if (this.stopped || message.dequeueCount < this.options.triesMax) {
      await this.options.queue.update(message, 0);
      return;
    }
    await this.options.poison.put(message.text);
    await this.options.queue.delete(message);
    this.options.poisoned(message.text);
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
