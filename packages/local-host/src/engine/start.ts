/**
 * The changes that start an instance. The durable client, sub-orchestrations and restarts use it. An instance that
 * exists under the same ID is replaced, so the caller must check first whether it may be.
 */
import type { Engine } from './engine.ts';
import type { Change, InstanceRecord, ParentLink } from './model.ts';

export interface StartRequest {
  instanceId: string;
  name: string;
  version: string;
  /** JSON text. */
  input: string | null;
  parent: ParentLink | null;
  now: number;
}

/**
 * The changes that start an instance. An instance that exists under this ID is replaced, and its history is removed.
 */
export function startInstance(engine: Engine, request: StartRequest): Change[] {
  const executionId = engine.ports.newId().replaceAll('-', '');
  const { instanceId, name, version, input, parent, now } = request;
  const record: InstanceRecord = {
    instanceId,
    executionId,
    name,
    version,
    status: 'Pending',
    input,
    output: null,
    customStatus: null,
    createdAt: now,
    updatedAt: now,
    parent,
  };
  return [
    { type: 'deleteInstance', instanceId },
    { type: 'putInstance', record },
    { type: 'send', target: instanceId, visibleAt: 0, message: { kind: 'started', executionId, carriedEvents: [] } },
  ];
}
