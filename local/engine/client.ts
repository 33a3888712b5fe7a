import type { InstanceQuery } from '../store/store.ts';
import { unknownFunction } from './known-function.ts';
import { type Change, type EntityRequest, entityId, type InstanceRecord, isTerminal, type Message } from './model.ts';
import { restartedFrom, rewindChanges } from './rewind.ts';
import type { DurableRuntime } from './runtime.ts';
import { startInstance } from './start.ts';

/** Why a client's request is refused; each has its HTTP status. */
export class ClientError extends Error {
  readonly status: 400 | 404 | 409 | 410 | 500;

  constructor(status: 400 | 404 | 409 | 410 | 500, message: string) {
    super(message);
    this.status = status;
  }
}

export interface StartOptions {
  name: string;
  instanceId: string | undefined;
  /** JSON text. */
  input: string | null;
  version: string | undefined;
}

/** What a durable client can do, whoever carries the request. Each call is one transaction. */
export class DurableClientOperations {
  private readonly runtime: DurableRuntime;

  constructor(runtime: DurableRuntime) {
    this.runtime = runtime;
  }

  /** @returns the instance ID. @throws ClientError 400 (unknown function, bad ID) or 409 (ID in use). */
  start(options: StartOptions): string {
    const { engine } = this.runtime;
    const name = engine.names.orchestrator(options.name);
    if (name === undefined) {
      throw new ClientError(400, unknownFunction(engine.names, 'orchestrator', options.name));
    }
    const instanceId = options.instanceId || engine.ports.newId().replaceAll('-', '');
    checkInstanceId(instanceId);
    this.refuseDuplicate(instanceId);
    const version = options.version ?? engine.settings.defaultVersion;
    const now = engine.ports.now();
    this.runtime.commit(startInstance(engine, { instanceId, name, version, input: options.input, parent: null, now }));
    return instanceId;
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

  terminate(instanceId: string, reason: string): void {
    this.living(instanceId);
    this.send(instanceId, { kind: 'terminate', reason });
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
    const record = this.get(instanceId);
    if (isTerminal(record.status) && record.status !== 'Failed') throw gone(record);
    if (record.status !== 'Failed') throw new ClientError(500, 'Only failed orchestration instances can be rewound.');
    this.runtime.commit(rewindChanges(this.runtime, record, reason));
  }

  /** Starts the instance's function again with the same input. @returns the instance ID. */
  restart(instanceId: string, withNewInstanceId: boolean): string {
    const record = this.runtime.store.instance(instanceId);
    if (record === undefined) {
      throw new ClientError(400, `An orchestration with the instanceId ${instanceId} was not found.`);
    }
    const id = withNewInstanceId ? this.runtime.engine.ports.newId().replaceAll('-', '') : instanceId;
    this.refuseDuplicate(id);
    this.runtime.commit(restartedFrom(this.runtime.engine, record, id));
    return id;
  }

  /** Removes ended instances. @returns how many. */
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

function gone(record: InstanceRecord): ClientError {
  return new ClientError(410, `The instance '${record.instanceId}' has ended (${record.status}).`);
}

const idLengthMax = 256;

/** @throws ClientError 400 for an ID that Azure refuses: too long, an entity's, or with characters of URLs. */
function checkInstanceId(id: string): void {
  if (id.length > idLengthMax)
    throw new ClientError(400, `Instance IDs must not be longer than ${idLengthMax} characters.`);
  if (id.startsWith('@')) throw new ClientError(400, "Instance IDs must not start with '@'.");
  checkKey(id, 'instance ID');
}

function checkKey(text: string, what: string): void {
  const bad = [...text].find(
    (char) => '/\\#?'.includes(char) || (char.codePointAt(0) ?? 0) < 0x20 || char === '\u007f',
  );
  if (bad !== undefined) throw new ClientError(400, `The ${what} must not contain ${JSON.stringify(bad)}.`);
}
