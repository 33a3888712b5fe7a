/**
 * Pattern 4, a queue of numbers: a Storage queue for each sequence, filled with ranges of equal size before they are
 * needed. A step receives as many ranges as it needs, hides them from the others meanwhile, and deletes them once its
 * rows are published. What is left of its last range is lost.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type DequeuedMessageItem, QueueServiceClient } from '@azure/storage-queue';
import * as df from 'durable-functions';
import pMap from 'p-map';
import { type Sequence, sequences } from '../shared/sales.ts';
import {
  activity,
  atOnce,
  type FileCounts,
  fanOut,
  type Range,
  registerNumbering,
  registerReading,
  type Start,
  storage,
  type Take,
} from '../shared/steps.ts';

const queues = QueueServiceClient.fromConnectionString(storage);
/** Numbers of one message. */
const rangeSize = 500;
/** A queue holds this many times what is needed: remainders are lost, and those who died hold theirs for a while. */
const surplus = 1.5;
const messagesAtOnceMax = 32;
/** Seconds until a range that was neither used nor given back is handed out again. */
const visibilityTimeout = 120;
const waitsMax = 300;

const queueOf = (run: string, sequence: Sequence) => queues.getQueueClient(`${run}-${sequence.replace('_', '-')}`);

/** May run twice, so it begins with an empty queue. Nobody takes numbers before it has ended. */
async function fill({ run, counts }: Start & { counts: FileCounts[] }): Promise<void> {
  for (const sequence of sequences) {
    const queue = queueOf(run, sequence);
    await queue.createIfNotExists();
    await queue.clearMessages();
    // Each file may leave the rest of a range.
    const ranges = counts.reduce((sum, of) => sum + Math.ceil(of[sequence] / rangeSize), 1);
    const firsts = Array.from({ length: Math.ceil(ranges * surplus) }, (_, i) => 1 + i * rangeSize);
    await pMap(
      firsts,
      async (first) => {
        await queue.sendMessage(JSON.stringify({ first, count: rangeSize } satisfies Range));
      },
      atOnce,
    );
  }
}

const take: Take = async (run, sequence, count) => {
  const queue = queueOf(run, sequence);
  const messages: DequeuedMessageItem[] = [];
  const ranges: Range[] = [];
  let missing = count;
  for (let waits = 0; missing > 0; ) {
    const numberOfMessages = Math.min(messagesAtOnceMax, Math.ceil(missing / rangeSize));
    const { receivedMessageItems } = await queue.receiveMessages({ numberOfMessages, visibilityTimeout });
    if (receivedMessageItems.length === 0) {
      if (++waits > waitsMax) throw new Error(`no numbers left in ${queue.name}`);
      await delay(1_000);
    }
    for (const message of receivedMessageItems) {
      const { first } = JSON.parse(message.messageText) as Range;
      ranges.push({ first, count: Math.min(rangeSize, missing) });
      missing -= ranges.at(-1)!.count;
      messages.push(message);
    }
  }
  const used = async () => {
    await pMap(messages, ({ messageId, popReceipt }) => queue.deleteMessage(messageId, popReceipt), atOnce);
  };
  return { ranges, used };
};

registerReading();
activity('fill', fill);
registerNumbering(() => take);

df.app.orchestration('run', (context) => fanOut(context, 'fill'));
