/**
 * The durable HTTP API of a running host, in Azure or on this machine; both have the same routes. Commands that only an
 * orchestration may carry out start it here. It must not read or change an entity in any other way.
 */
import { z } from 'zod';
import { fromErrorValue, OrdinalError } from '../../src/errors.ts';
import type { SequenceResult } from '../../src/sequence/operations.ts';
import { SEQUENCE_ORCHESTRATION } from '../../src/upkeep/orchestrations.ts';
import { type Access, send } from './address.ts';

const WAIT_MS_MAX = 10 * 60_000;
const POLL_MS_MIN = 50;
const POLL_MS_MAX = 1_000;
const BASE = '/runtime/webhooks/durabletask/';
const KEY_HELP = 'Give a system key of the durable extension, or the master key, with --code or in ORDINAL_HOST_CODE.';

const instanceSchema = z.object({
  instanceId: z.string(),
  runtimeStatus: z.string(),
  output: z.unknown(),
});

export class DurableHost {
  readonly #access: Access;
  readonly #signal: AbortSignal;

  constructor(access: Access, signal: AbortSignal) {
    this.#access = access;
    this.#signal = signal;
  }

  /** The status of an instance; undefined when there is none. */
  async status(instanceId: string): Promise<z.infer<typeof instanceSchema> | undefined> {
    const response = await this.#request('GET', `instances/${encodeURIComponent(instanceId)}`);
    return await this.#answer(response, instanceSchema);
  }

  /**
   * Starts an orchestration and waits for its output, at most `WAIT_MS_MAX`.
   *
   * @throws OrdinalError `StorageFailed` when it does not start or has not ended in time, `Internal` when it fails.
   */
  async run(name: string, instanceId: string, input: object): Promise<unknown> {
    const started = await this.#request('POST', `orchestrators/${name}/${encodeURIComponent(instanceId)}`, input);
    if (!started.ok && started.status !== 202) {
      throw new OrdinalError('StorageFailed', `the host answered ${started.status} to the start of ${name}`);
    }
    // Most of these end at once: the first looks follow each other quickly.
    let pause = POLL_MS_MIN;
    for (let waited = 0; waited < WAIT_MS_MAX; waited += pause) {
      this.#signal.throwIfAborted();
      const status = await this.status(instanceId);
      if (status?.runtimeStatus === 'Completed') return status.output;
      if (status && ['Failed', 'Terminated', 'Canceled'].includes(status.runtimeStatus)) {
        throw new OrdinalError(
          'Internal',
          `${name} has ${status.runtimeStatus.toLowerCase()}: ${JSON.stringify(status.output)}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
      pause = Math.min(POLL_MS_MAX, pause * 1.5);
    }
    throw new OrdinalError('StorageFailed', `${name} (${instanceId}) has not ended yet`, {
      remedy: 'Run the same command again later to see its status.',
    });
  }

  /** Runs one operation on a sequence. @throws OrdinalError the entity's refusal. */
  async sequence(sequence: string, operation: 'show' | 'restore' | 'raiseTo', input: object = {}) {
    const id = `ordinal~${operation}~${Date.now().toString(36)}-${process.pid}`;
    const answer = (await this.run(SEQUENCE_ORCHESTRATION, id, { sequence, operation, input })) as SequenceResult;
    if (!answer.ok) throw fromErrorValue(answer.error);
    return answer;
  }

  /** The state of an entity; undefined when there is none. */
  async entity(name: string, key: string): Promise<unknown> {
    const response = await this.#request('GET', `entities/${name}/${encodeURIComponent(key)}`);
    return await this.#answer(response, z.unknown());
  }

  /** What it answers; undefined when there is none. @throws OrdinalError `StorageFailed` for what is no answer of this API. */
  async #answer<T>(response: Response, schema: z.ZodType<T>): Promise<T | undefined> {
    if (response.status === 404) return undefined;
    const text = await response.text();
    try {
      if (response.ok) return schema.parse(JSON.parse(text));
    } catch {}
    throw new OrdinalError(
      'StorageFailed',
      `${this.#access.host} answers ${response.status}, but not as a durable host`,
      {
        remedy: 'Name the address of the app with --host or ORDINAL_HOST, without a path.',
      },
    );
  }

  #request(method: string, path: string, body?: object): Promise<Response> {
    return send(this.#access, method, `${BASE}${path}`, { body, signal: this.#signal, keyHelp: KEY_HELP });
  }
}
