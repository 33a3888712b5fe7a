/**
 * The durable HTTP API of a running host, in Azure or on this machine; both have the same routes. Commands start
 * orchestrations and read entities through it. It must not read or change an entity in any other way.
 */
import { z } from 'zod';
import { fromErrorValue, OrdinalError } from '../src/errors.ts';
import type { SequenceResult } from '../src/sequence/operations.ts';
import { SEQUENCE_ORCHESTRATION } from '../src/upkeep/orchestrations.ts';

const WAIT_MS_MAX = 10 * 60_000;
const POLL_MS = 500;

const instanceSchema = z.object({
  instanceId: z.string(),
  runtimeStatus: z.string(),
  output: z.unknown(),
});

export class Host {
  readonly #base: string;
  readonly #code: string | undefined;

  /** @param code a system key of the durable extension; a local host needs none. */
  constructor(base: string, code: string | undefined) {
    this.#base = `${base.replace(/\/$/, '')}/runtime/webhooks/durabletask/`;
    this.#code = code;
  }

  /** The status of an instance; undefined when there is none. */
  async status(instanceId: string): Promise<z.infer<typeof instanceSchema> | undefined> {
    const response = await this.#request('GET', `instances/${encodeURIComponent(instanceId)}`);
    if (response.status === 404) return undefined;
    return instanceSchema.parse(await response.json());
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
    for (let waited = 0; waited < WAIT_MS_MAX; waited += POLL_MS) {
      const status = await this.status(instanceId);
      if (status?.runtimeStatus === 'Completed') return status.output;
      if (status && ['Failed', 'Terminated', 'Canceled'].includes(status.runtimeStatus)) {
        throw new OrdinalError(
          'Internal',
          `${name} has ${status.runtimeStatus.toLowerCase()}: ${JSON.stringify(status.output)}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
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
    return response.status === 404 ? undefined : await response.json();
  }

  async #request(method: string, path: string, body?: object): Promise<Response> {
    const url = new URL(path, this.#base);
    if (this.#code) url.searchParams.set('code', this.#code);
    try {
      const response = await fetch(url, {
        method,
        ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      });
      if (response.status === 401 || response.status === 403) {
        throw new OrdinalError('InvalidSettings', `the host refuses the key (${response.status})`, {
          remedy: 'Give a system key of the durable extension with --code.',
        });
      }
      return response;
    } catch (cause) {
      if (cause instanceof OrdinalError) throw cause;
      throw new OrdinalError('StorageFailed', `no host answers at ${url.origin}`, {
        remedy: 'Start it, or name another one with --host.',
        cause,
      });
    }
  }
}
