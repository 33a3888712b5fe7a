/**
 * A `BlobStore` across threads: `serveStore` answers, in the thread that has the store, what `storeBehind` asks for in
 * another one. Bytes are copied once and then moved. The threads of a short run (`src/run/activity-threads.ts`) use it. It
 * must never move memory that the other side still reads, nor change what a call answers or throws.
 */
import type { MessagePort } from 'node:worker_threads';
import { type ErrorValue, fromErrorValue, invariant, toErrorValue } from '../errors.ts';
import {
  type BlobItem,
  type BlobPage,
  type BlobRange,
  type BlobStore,
  handedOver,
  type PageRequest,
  type ReadRange,
  type ReadVersion,
  type WriteOptions,
  type Written,
} from './store.ts';

interface Call {
  id: number;
  method: keyof BlobStore;
  args: unknown[];
}

type Answer = { id: number; value: unknown } | { id: number; error: ErrorValue };

/** A source blob in memory, in the version of that ETag. */
export interface GivenBlob {
  container: string;
  name: string;
  etag: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Answers the calls that come through a port until it is closed.
 * @param port the end of a channel whose other end `storeBehind` has
 * @param store what is asked
 */
export function serveStore(port: MessagePort, store: BlobStore): void {
  port.on('message', (call: Call) => {
    void answerOf(store, call).then(({ answer, moved }) => port.postMessage(answer, moved));
  });
}

async function answerOf(
  store: BlobStore,
  { id, method, args }: Call,
): Promise<{ answer: Answer; moved: ArrayBuffer[] }> {
  try {
    if (method === 'list') {
      const [container, prefix] = args as Parameters<BlobStore['list']>;
      const items: BlobItem[] = [];
      for await (const item of store.list(container, prefix)) items.push(item);
      return { answer: { id, value: items }, moved: [] };
    }
    const asked = store[method] as (...given: unknown[]) => Promise<unknown>;
    const value = await asked.apply(store, args);
    const bytes = value instanceof Uint8Array ? value : (value as { bytes?: Uint8Array } | undefined)?.bytes;
    if (!bytes) return { answer: { id, value }, moved: [] };
    // What a store answers may be a view of what it keeps.
    const own = handedOver.delete(bytes) ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
    const said = value instanceof Uint8Array ? own : { ...(value as object), bytes: own };
    return { answer: { id, value: said }, moved: [own.buffer] };
  } catch (thrown) {
    return { answer: { id, error: toErrorValue(thrown) }, moved: [] };
  }
}

/**
 * The store at the other end of a port.
 * @param port the end of a channel whose other end `serveStore` has
 * @param given source blobs that need not be asked for
 * @returns the store, for as long as the port is open
 */
export function storeBehind(port: MessagePort, given: readonly GivenBlob[] = []): BlobStore {
  return new RemoteStore(port, given);
}

class RemoteStore implements BlobStore {
  readonly #port: MessagePort;
  readonly #given: ReadonlyMap<string, Uint8Array>;
  readonly #open = new Map<number, { resolve(value: unknown): void; reject(reason: unknown): void }>();
  #calls = 0;

  constructor(port: MessagePort, given: readonly GivenBlob[]) {
    this.#port = port;
    this.#given = new Map(given.map(({ container, name, etag, bytes }) => [keyOf(container, name, etag), bytes]));
    port.on('message', (answer: Answer) => {
      const call = this.#open.get(answer.id);
      invariant(call, `call ${answer.id} is open`);
      this.#open.delete(answer.id);
      if ('error' in answer) call.reject(fromErrorValue(answer.error));
      else call.resolve(answer.value);
    });
  }

  #call<T>(method: keyof BlobStore, args: unknown[], moved: ArrayBuffer[] = []): Promise<T> {
    const id = this.#calls++;
    return new Promise<T>((resolve, reject) => {
      this.#open.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#port.postMessage({ id, method, args } satisfies Call, moved);
    });
  }

  async *list(container: string, prefix: string): AsyncIterable<BlobItem> {
    yield* await this.#call<BlobItem[]>('list', [container, prefix]);
  }

  listPage(container: string, prefix: string, page: PageRequest): Promise<BlobPage> {
    return this.#call('listPage', [container, prefix, page]);
  }

  head(container: string, name: string): Promise<BlobItem | undefined> {
    return this.#call('head', [container, name]);
  }

  async read(container: string, name: string, range?: ReadRange): Promise<Uint8Array | undefined> {
    const held = range?.ifMatch === undefined ? undefined : this.#given.get(keyOf(container, name, range.ifMatch));
    if (range && held) return held.subarray(range.offset, range.offset + range.length);
    return await this.#call('read', [container, name, range]);
  }

  readVersion(container: string, name: string): Promise<ReadVersion | undefined> {
    return this.#call('readVersion', [container, name]);
  }

  write(container: string, name: string, bytes: Uint8Array, options: WriteOptions = {}): Promise<Written> {
    const own = new Uint8Array(bytes);
    return this.#call('write', [container, name, own, options], [own.buffer]);
  }

  stageBlock(container: string, name: string, blockId: string, parts: readonly Uint8Array[]): Promise<void> {
    const own = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
    let at = 0;
    for (const part of parts) {
      own.set(part, at);
      at += part.byteLength;
    }
    return this.#call('stageBlock', [container, name, blockId, [own]], [own.buffer]);
  }

  stageBlockFrom(container: string, name: string, blockId: string, source: BlobRange): Promise<void> {
    return this.#call('stageBlockFrom', [container, name, blockId, source]);
  }

  commitBlocks(
    container: string,
    name: string,
    blockIds: readonly string[],
    options: WriteOptions = {},
  ): Promise<Written> {
    return this.#call('commitBlocks', [container, name, blockIds, options]);
  }

  remove(container: string, name: string): Promise<boolean> {
    return this.#call('remove', [container, name]);
  }

  ensureContainer(container: string): Promise<void> {
    return this.#call('ensureContainer', [container]);
  }
}

function keyOf(container: string, name: string, etag: string): string {
  return JSON.stringify([container, name, etag]);
}
