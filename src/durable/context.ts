/**
 * The part of the orchestration context that orchestrators may use: what classic durable-functions 3.x and the preview
 * of 4.x share. No clock, no randomness, no environment, no I/O but through it.
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
}
