/** `DurableRuns` in memory: instances that do nothing but stand there, as a test puts them. */
import type { DurableRuns, Instance } from '../../../src/durable/client.ts';

export class StandingRuns implements DurableRuns {
  readonly instances = new Map<string, Instance>();
  readonly terminated: { instanceId: string; reason: string }[] = [];
  readonly started: { name: string; instanceId: string; input: object }[] = [];

  put(instanceId: string, change: Partial<Instance> = {}): void {
    const at = new Date('2026-01-01T00:00:00Z');
    const base: Instance = {
      instanceId,
      name: 'run',
      status: 'Completed',
      createdAt: at,
      updatedAt: at,
      input: { runId: instanceId, pipeline: 'flights', prefix: 'flights/' },
      customStatus: null,
      output: null,
    };
    this.instances.set(instanceId, { ...base, ...change });
  }

  async start(name: string, instanceId: string, input: object): Promise<boolean> {
    const existing = this.instances.get(instanceId);
    if (existing?.status === 'Running') return false;
    this.started.push({ name, instanceId, input });
    this.put(instanceId, { name, input, status: 'Running' });
    return true;
  }

  async get(instanceId: string): Promise<Instance | undefined> {
    return this.instances.get(instanceId);
  }

  async list(filter: Parameters<DurableRuns['list']>[0]): ReturnType<DurableRuns['list']> {
    const all = [...this.instances.values()]
      .filter(({ status }) => filter.status === undefined || filter.status.includes(status))
      .filter(({ createdAt }) => filter.createdTo === undefined || createdAt <= filter.createdTo)
      .filter(({ instanceId }) => filter.continuation === undefined || instanceId > filter.continuation)
      .sort((a, b) => (a.instanceId < b.instanceId ? -1 : 1));
    const instances = all.slice(0, filter.top);
    const last = instances.at(-1);
    return { instances, ...(all.length > filter.top && last && { continuation: last.instanceId }) };
  }

  async terminate(instanceId: string, reason: string): Promise<void> {
    this.terminated.push({ instanceId, reason });
  }

  async purge(instanceId: string): Promise<boolean> {
    return this.instances.delete(instanceId);
  }

  async entity(): Promise<unknown> {
    return undefined;
  }
}
