/**
 * The part of the orchestration context that orchestrators may use. It holds only what durable-functions 3.x and the
 * preview of 4.x have in common. An orchestrator must use no other clock, randomness, environment or I/O, because it is
 * replayed.
 */
import type { Task } from 'durable-functions';

export interface Orchestration {
  readonly instanceId: string;
  readonly isReplaying: boolean;
  readonly currentUtcDateTime: Date;
  readonly Task: { all(tasks: Task[]): Task; any(tasks: Task[]): Task };
  getInput<T>(): T;
  callActivity(name: string, input: unknown): Task;
  callSubOrchestrator(name: string, input: unknown, instanceId: string): Task;
  callEntity(entityId: { readonly name: string; readonly key: string }, operation: string, input?: unknown): Task;
  createTimer(fireAt: Date): Task & { cancel(): void };
  setCustomStatus(status: unknown): void;
  /** Begins anew with another input and an empty history, once the orchestrator returns. */
  continueAsNew(input: unknown): void;
}
