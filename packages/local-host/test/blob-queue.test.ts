/** The consumer of the blob trigger's internal queue, with a queue that is an array. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { BlobQueue } from '../src/triggers/blob-queue.ts';
import type { QueueClient, QueueMessage } from '../src/triggers/queue-client.ts';

/** A queue in memory: what is taken is hidden until it is deleted or its visibility is set to 0. */
class ArrayQueue {
  visible: QueueMessage[] = [];
  takes = 0;
  readonly deleted: string[] = [];

  async put(text: string): Promise<void> {
    this.visible.push({ id: text, popReceipt: '', dequeueCount: 0, text });
  }

  async take(count: number): Promise<QueueMessage[]> {
    this.takes++;
    const taken = this.visible.splice(0, count);
    for (const message of taken) message.dequeueCount++;
    return taken;
  }

  async update(message: QueueMessage, visibilityS: number): Promise<void> {
    if (visibilityS === 0) this.visible.push(message);
  }

  async delete({ text }: QueueMessage): Promise<void> {
    this.deleted.push(text);
  }
}

async function drained(queue: BlobQueue): Promise<void> {
  while (!queue.idle) await new Promise((resolve) => setImmediate(resolve));
}

const setUp = (parallelism: number, handle: (text: string) => Promise<void>) => {
  const [queue, poison] = [new ArrayQueue(), new ArrayQueue()];
  const poisoned: string[] = [];
  const consumer = new BlobQueue({
    queue: queue as unknown as QueueClient,
    poison: poison as unknown as QueueClient,
    parallelism,
    triesMax: 3,
    handle,
    poisoned: (text) => poisoned.push(text),
    log: () => {},
  });
  return { queue, poison, poisoned, consumer };
};

test('one look at the queue is enough: a message that ends makes room for the next one', async () => {
  const state = { running: 0, most: 0 };
  const { queue, consumer } = setUp(4, async () => {
    state.most = Math.max(state.most, ++state.running);
    await new Promise((resolve) => setImmediate(resolve));
    state.running--;
  });
  for (let n = 0; n < 50; n++) await queue.put(String(n));
  await consumer.pump();
  await drained(consumer);
  assert.equal(new Set(queue.deleted).size, 50);
  assert.equal(state.most, 4);
  assert.ok(queue.takes <= 30, `${queue.takes} requests for 50 messages`);
});

test('a message that comes while the last one is handled is taken', async () => {
  const { queue, consumer } = setUp(1, async (text) => {
    if (text === 'first') await queue.put('second');
  });
  await queue.put('first');
  await consumer.pump();
  await drained(consumer);
  assert.deepEqual(queue.deleted, ['first', 'second']);
});

test('a message that fails three times goes to the poison queue; others are not held up', async () => {
  const tries: string[] = [];
  const { queue, poison, poisoned, consumer } = setUp(2, async (text) => {
    tries.push(text);
    if (text === 'bad') throw new Error('never good');
  });
  for (const text of ['bad', 'good', 'better']) await queue.put(text);
  await consumer.pump();
  await drained(consumer);
  assert.deepEqual(tries.filter((each) => each === 'bad').length, 3);
  assert.deepEqual(
    [poison.visible.map((each) => each.text), poisoned, queue.deleted.toSorted()],
    [['bad'], ['bad'], ['bad', 'better', 'good']],
  );
});

test('stopped: what runs comes to its end, nothing new is taken, and a failure then is no try', async () => {
  let fail: (() => void) | undefined;
  const { queue, poison, consumer } = setUp(1, () => new Promise((_, reject) => (fail = () => reject(new Error('x')))));
  for (const text of ['a', 'b']) await queue.put(text);
  await consumer.pump();
  consumer.stop();
  fail?.();
  await drained(consumer);
  assert.deepEqual(queue.visible.map((each) => each.text).toSorted(), ['a', 'b']);
  assert.deepEqual([poison.visible, queue.deleted], [[], []]);
});
