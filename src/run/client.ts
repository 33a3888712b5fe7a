/** The durable client as Ordinal needs it: one small interface, so that another SDK version changes one adapter. */
export type InstanceStatus =
  | 'Pending'
  | 'Running'
  | 'ContinuedAsNew'
  | 'Suspended'
  | 'Completed'
  | 'Failed'
  | 'Terminated'
  | 'Canceled';

export interface Instance {
  instanceId: string;
  name: string;
  status: InstanceStatus;
  createdAt: Date;
  updatedAt: Date;
  input: unknown;
  customStatus: unknown;
  output: unknown;
}

export interface DurableRuns {
  /** Starts an orchestration. False when an instance of this ID is alive already. */
  start(name: string, instanceId: string, input: object): Promise<boolean>;
  /** Undefined when there is no such instance. */
  get(instanceId: string): Promise<Instance | undefined>;
}

const ENDED: ReadonlySet<InstanceStatus> = new Set(['Completed', 'Failed', 'Terminated', 'Canceled']);

export function hasEnded(instance: Instance): boolean {
  return ENDED.has(instance.status);
}
