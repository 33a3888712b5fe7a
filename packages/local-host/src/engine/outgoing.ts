/**
 * Turns a newly issued task into the changes that send it: an activity, a timer, a sub-orchestration, a message to an
 * entity. `finish.ts` calls it. It is pure.
 */
import type { Outgoing } from './cursor.ts';
import type { Engine } from './engine.ts';
import { reportToParent } from './lifecycle.ts';
import { type Change, eventType, type InstanceRecord, isTerminal, type Message } from './model.ts';
import { startInstance } from './start.ts';

/** The changes by which a newly issued task leaves its instance. `startedNow` are IDs started in the same episode. */
export function sendOutgoing(
  engine: Engine,
  from: InstanceRecord,
  out: Outgoing,
  now: number,
  startedNow: Set<string>,
): Change[] {
  const { instanceId, executionId } = from;
  switch (out.kind) {
    case 'activity':
      return [
        {
          type: 'addWork',
          work: {
            instanceId,
            executionId,
            taskId: out.taskId,
            name: out.name,
            input: out.input,
            ...(out.notBefore !== undefined && { notBefore: out.notBefore }),
          },
        },
      ];
    case 'timer': {
      const FireAt = new Date(out.fireAt).toISOString();
      const event = { EventType: eventType.timerFired, TimerId: out.taskId, FireAt };
      const message: Message = { kind: 'completion', executionId, event };
      return [{ type: 'send', target: instanceId, visibleAt: out.fireAt, message }];
    }
    case 'operation':
      return [{ type: 'send', target: out.target, visibleAt: 0, message: { kind: 'operation', request: out.request } }];
    case 'release':
      return [
        {
          type: 'send',
          target: out.target,
          visibleAt: 0,
          message: { kind: 'release', lockId: out.lockId, parent: instanceId },
        },
      ];
    case 'subOrchestration': {
      const parent = { instanceId, executionId, taskId: out.taskId, name: from.name };
      const existing = startedNow.has(out.instanceId) ? 'Pending' : engine.lookup(out.instanceId)?.status;
      if (existing !== undefined && !isTerminal(existing)) {
        const text = `An Orchestration instance with the status ${existing} already exists.`;
        return reportToParent(parent, { status: 'Failed', output: text });
      }
      startedNow.add(out.instanceId);
      return startInstance(engine, {
        instanceId: out.instanceId,
        name: out.name,
        version: out.version,
        input: out.input === undefined || out.input === null ? null : JSON.stringify(out.input),
        parent,
        now,
      });
    }
  }
}
