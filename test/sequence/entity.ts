/** Drives an entity handler by the SDK's real `Entity` class, as the worker does with a batch from the host. */
import { createRequire } from 'node:module';
import type { EntityContext } from 'durable-functions';

interface EntityReply {
  results: { isError: boolean; result?: string }[];
  entityExists: boolean;
  entityState?: string;
}

type Handler<S> = (context: EntityContext<S>) => void;
type EntityClass = new (handler: unknown) => { handle(trigger: object, context: object): Promise<EntityReply> };

const require = createRequire(import.meta.url);
const { Entity } = require('durable-functions/lib/src/entities/Entity.js') as { Entity: EntityClass };

/** One operation of a batch: name, and its input as an object, or as the text that arrives. */
export type BatchEntry = [name: string, input: object | string | null];

export interface BatchOutcome {
  exists: boolean;
  /** The state's JSON text, as the host stores it. */
  state: string | undefined;
  /** What the caller of each operation gets; undefined for none. */
  answers: unknown[];
  isError: boolean[];
}

export async function deliver<S>(
  handler: Handler<S>,
  batch: BatchEntry[],
  before?: { state: string | undefined; exists: boolean },
): Promise<BatchOutcome> {
  const trigger = {
    self: { name: 'sequence', key: 'orders' },
    exists: before?.exists ?? false,
    ...(before?.state !== undefined && { state: before.state }),
    batch: batch.map(([name, input]) => ({
      name,
      input: typeof input === 'object' && input !== null ? JSON.stringify(input) : input,
      isSignal: false,
    })),
  };
  const wire = JSON.parse(JSON.stringify(trigger)) as object;
  const reply = JSON.parse(JSON.stringify(await new Entity(handler).handle(wire, {}))) as EntityReply;
  // The host pairs results with operations by index and ignores what is left over.
  const results = batch.map((_, index) => reply.results[index]);
  return {
    exists: reply.entityExists,
    state: reply.entityState,
    answers: results.map((result) =>
      result?.result === undefined ? undefined : (JSON.parse(result.result) as unknown),
    ),
    isError: results.map((result) => result?.isError ?? true),
  };
}
