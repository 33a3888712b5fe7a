/**
 * What a durable client can ask the engine to do: start, terminate, rewind and so on. The answers are those of the
 * durable task extension 3.19.0. The HTTP API calls it. It knows nothing about HTTP except the status code of each
 * refusal.
 */
import type { InstanceQuery } from '../store/store.ts';
import { diagnostic } from './diagnostics.ts';
import type { Engine } from './engine.ts';
import { orchestratorFailure } from './failure.ts';
import { unknownFunction } from './known-function.ts';
import { type Change, type EntityRequest, entityId, type InstanceRecord, isTerminal, type Message } from './model.ts';
import { restartedFrom, rewindChanges } from './rewind.ts';
import type { DurableRuntime } from './runtime.ts';
import { startInstance } from './start.ts';

type RefusalStatus = 400 | 404 | 409 | 410 | 412 | 500;

/** Thrown when a client's request is refused. Each refusal has its HTTP status. */
export class ClientError extends Error {
  readonly status: RefusalStatus;
  /** The extension's first text, when it has more than one for a status. */
  readonly headline: string | undefined;

  constructor(status: RefusalStatus, message: string, headline?: string) {
    super(message);
    this.status = status;
    this.headline = headline;
  }
}

export interface StartOptions {
  name: string;
  instanceId: string | undefined;
  /** JSON text. */
  input: string | null;
  version: string | undefined;
}

/** A start that was accepted and is not done yet. */
export interface PreparedStart extends Omit<StartOptions, 'instanceId'> {
  instanceId: string;
}

/** What a durable client can do. Each call is one transaction. */
export class DurableClientOperations {
  private readonly runtime: DurableRuntime;

  constructor(runtime: DurableRuntime) {
    this.runtime = runtime;
  }

  /** Starts in one step. @returns the instance ID. @throws ClientError 400 (bad ID) or 409 (ID in use). */
  start(options: StartOptions): string {
    const prepared = this.prepareStart(options);
    this.finishStart(prepared);
    return prepared.instanceId;
  }

  /**
   * The first half of a start: the look whether the ID is free. On Azure Storage others may pass it too before the
   * second half is done. @throws ClientError 400 (bad ID) or 409 (ID in use).
   */
  prepareStart(options: StartOptions): PreparedStart {
    const instanceId = options.instanceId || this.runtime.engine.ports.newId().replaceAll('-', '');
    checkInstanceId(instanceId);
    this.refuseDuplicate(instanceId);
    return { ...options, instanceId };
  }

  /**
   * The second half: the instance is there. Of several starts that passed the first half, a later one replaces an
   * instance that has not begun, and is dropped without a word when it has.
   */
  finishStart({ instanceId, name, input, version: given }: PreparedStart): void {
    const { engine, store } = this.runtime;
    const existing = store.instance(instanceId);
    const begun = existing !== undefined && existing.status !== 'Pending';
    if (begun && engine.settings.dedupeStatuses.includes(existing.status)) return;
    const version = given ?? engine.settings.defaultVersion;
    const now = engine.ports.now();
    const known = engine.names.orchestrator(name) ?? name;
    const request = { instanceId, name: known, version, input, parent: null, now };
    this.runtime.commit(instanceId.startsWith('@') ? failedStart(engine, request) : startInstance(engine, request));
  }

  get(instanceId: string): InstanceRecord {
    const record = this.runtime.store.instance(instanceId);
    if (record === undefined) throw new ClientError(404, `No instance with ID '${instanceId}' was found.`);
    return record;
  }

  list(query: InstanceQuery): InstanceRecord[] {
    return this.runtime.store.instances(query);
  }

  raiseEvent(instanceId: string, name: string, input: string): void {
    this.living(instanceId);
    this.send(instanceId, { kind: 'event', name, input });
  }

  /** Takes effect after `terminateDelayMs`. Until then the instance goes on, as on Azure Storage. */
  terminate(instanceId: string, reason: string): void {
    this.living(instanceId);
    const { ports, settings } = this.runtime.engine;
    const delayMs = settings.terminateDelayMs();
    this.send(instanceId, { kind: 'terminate', reason }, delayMs > 0 ? ports.now() + delayMs : 0);
  }

  suspend(instanceId: string, reason: string): void {
    const record = this.living(instanceId);
    if (record.status === 'Suspended') {
      throw new ClientError(500, `Cannot suspend orchestration instance in the ${record.status} state.`);
    }
    this.send(instanceId, { kind: 'suspend', reason });
  }

  resume(instanceId: string, reason: string): void {
    const record = this.living(instanceId);
    if (record.status !== 'Suspended') {
      throw new ClientError(500, `Cannot resume orchestration instance in the ${record.status} state.`);
    }
    this.send(instanceId, { kind: 'resume', reason });
  }

  /** Runs the failed parts of a failed instance again. */
  rewind(instanceId: string, reason: string): void {
    const record = this.runtime.store.instance(instanceId);
    // The dollar sign stands in the extension's text too.
    if (record === undefined) {
      throw new ClientError(404, `No orchestration with instance ID "$${instanceId}" found.`);
    }
    if (record.status !== 'Failed') {
      throw new ClientError(412, `Only failed orchestrations can be rewound; '${instanceId}' is ${record.status}.`);
    }
    this.runtime.commit(rewindChanges(this.runtime, record, reason));
  }

  /** Starts the instance's function again with the same input. @returns the instance ID. */
  restart(instanceId: string, withNewInstanceId: boolean): string {
    const record = this.runtime.store.instance(instanceId);
    if (record === undefined) {
      const headline = 'InstanceId does not match a valid orchestration instance.';
      throw new ClientError(400, `No instance with ID '${instanceId}' was found. (Parameter 'instanceId')`, headline);
    }
    const id = withNewInstanceId ? this.runtime.engine.ports.newId().replaceAll('-', '') : instanceId;
    this.refuseDuplicate(id);
    this.runtime.commit(restartedFrom(this.runtime.engine, record, id));
    return id;
  }

  /** Removes one ended instance. @throws ClientError 404, or 412 when it has not ended. */
  purgeOne(instanceId: string): void {
    const record = this.get(instanceId);
    if (!isTerminal(record.status)) {
      throw new ClientError(412, `Only ended orchestrations can be purged; '${instanceId}' is ${record.status}.`);
    }
    this.purge([instanceId]);
  }

  /** Removes those that have ended. @returns how many. */
  purge(instanceIds: readonly string[]): number {
    const ended = instanceIds.filter((id) => {
      const record = this.runtime.store.instance(id);
      return record !== undefined && isTerminal(record.status);
    });
    this.runtime.commit(ended.map((instanceId): Change => ({ type: 'deleteInstance', instanceId })));
    return ended.length;
  }

  /** @throws ClientError 400 when there is no such entity function. */
  signalEntity(name: string, key: string, operation: string, input: string | null, dueAt = 0): void {
    if (this.runtime.engine.names.entity(name) === undefined) {
      throw new ClientError(400, unknownFunction(this.runtime.engine.names, 'entity', name));
    }
    checkKey(key, 'entity key');
    const request: EntityRequest = {
      id: this.runtime.engine.ports.newId(),
      op: operation,
      signal: true,
      ...(input !== null && { input }),
      ...(dueAt > 0 && { due: new Date(dueAt).toISOString() }),
    };
    this.send(entityId(name, key), { kind: 'operation', request }, dueAt);
  }

  /** @returns the state as JSON text. @throws ClientError 404 when the entity does not exist. */
  readEntity(name: string, key: string): string {
    const record = this.runtime.store.entity(entityId(name, key));
    if (record?.exists !== true) throw new ClientError(404, `The entity '${entityId(name, key)}' does not exist.`);
    return record.state ?? 'null';
  }

  private send(target: string, message: Message, visibleAt = 0): void {
    this.runtime.commit([{ type: 'send', target, visibleAt, message }]);
  }

  private living(instanceId: string): InstanceRecord {
    const record = this.get(instanceId);
    if (isTerminal(record.status)) throw gone(record);
    return record;
  }

  private refuseDuplicate(instanceId: string): void {
    const existing = this.runtime.store.instance(instanceId);
    if (existing === undefined || !this.runtime.engine.settings.dedupeStatuses.includes(existing.status)) return;
    throw new ClientError(409, `An Orchestration instance with the status ${existing.status} already exists.`);
  }
}

/** A start with an entity's ID is accepted and the instance fails, as in Azure. */
function failedStart(engine: Engine, request: Parameters<typeof startInstance>[1]): Change[] {
  const text = diagnostic('Unsupported', `'${request.instanceId}' is an ID of entities.`);
  const output = orchestratorFailure(request.name, text);
  return startInstance(engine, request).flatMap((change): Change[] => {
    if (change.type === 'send') return [];
    return [
      change.type === 'putInstance' ? { ...change, record: { ...change.record, status: 'Failed', output } } : change,
    ];
  });
}

function gone(record: InstanceRecord): ClientError {
  return new ClientError(410, `The instance '${record.instanceId}' has ended (${record.status}).`);
}

const idLengthMax = 256;

/** @throws ClientError 400 for an ID that Azure refuses: too long, or with characters of URLs. */
function checkInstanceId(id: string): void {
  if (id.length > idLengthMax)
    throw new ClientError(400, `Instance IDs must not be longer than ${idLengthMax} characters.`);
  checkKey(id, 'instance ID');
}

function checkKey(text: string, what: string): void {
  const bad = [...text].find(
    (char) => '/\\#?'.includes(char) || (char.codePointAt(0) ?? 0) < 0x20 || char === '\u007f',
  );
  if (bad !== undefined) throw new ClientError(400, `The ${what} must not contain ${JSON.stringify(bad)}.`);
}
