/**
 * Walks through an orchestrator's actions along its history and finds out which actions are new. The other files of
 * tasks (`tasks.ts`, `retry.ts`, `entity-tasks.ts`) issue their actions through it, and `finish.ts` reads the result.
 * It must give task IDs in exactly the order in which the Durable Task Framework gives them, or a replay fails.
 */
import { type Action, actionType } from './actions.ts';
import { OrchestrationFault } from './diagnostics.ts';
import { type EntityRequest, eventType, type FunctionNames, type HistoryEvent, type RetryMarks } from './model.ts';
import type { Task } from './task.ts';

/** What the host must do for a newly issued task. */
export type Outgoing =
  | { kind: 'activity'; taskId: number; name: string; input: string | null; notBefore?: number }
  | { kind: 'subOrchestration'; taskId: number; name: string; version: string; instanceId: string; input: unknown }
  | { kind: 'timer'; taskId: number; fireAt: number }
  | { kind: 'operation'; target: string; request: EntityRequest }
  | { kind: 'release'; target: string; lockId: string };

export interface CursorOptions {
  instanceId: string;
  executionId: string;
  names: FunctionNames;
  newId: () => string;
  /** A timer that is due later than this is divided into steps of `longTimerIntervalMs`. */
  shortTimerMaxMs: number;
  longTimerIntervalMs: number;
  httpPollDelayMs: number;
  defaultVersion: string;
  storeInputs: boolean;
}

export interface HeldLock {
  lockId: string;
  targets: string[];
  acquired: boolean;
}

/**
 * Walks through an orchestrator's cumulative action list along its history, as the extension's out-of-process shim and
 * the Durable Task Framework do together. Actions are awaited one after the other. Task IDs are given in the order in
 * which tasks are issued. A completion may issue further tasks (a retry, the next step of a long timer, an HTTP poll).
 * Tasks that are not in the history are new: the episode adds their events and messages.
 */
export class ActionCursor {
  readonly options: CursorOptions;
  readonly events: HistoryEvent[] = [];
  readonly outgoing: Outgoing[] = [];
  locks: HeldLock[] = [];
  /** Input of the next execution, once `continueAsNew` was reached. */
  continueAsNew: { input: unknown } | undefined;
  /** Time of the episode being walked (milliseconds since 1970), as user code saw it. */
  time = 0;
  /** Index of the top-level action that is being awaited. */
  index = 0;

  private readonly actions: Action[];
  private readonly start: (cursor: ActionCursor, action: Action) => Task;
  private readonly scheduled = new Map<number, HistoryEvent>();
  private readonly open = new Map<number, (event: HistoryEvent) => void>();
  private readonly background = new Set<number>();
  private readonly waiters = new Map<string, ((event: HistoryEvent) => void)[]>();
  private readonly early = new Map<string, HistoryEvent[]>();
  private current: Task | undefined;
  private nextId = 0;
  private advancing = false;

  /** @param start issues an action: `startAction` of tasks.ts, which knows this class. */
  constructor(actions: Action[], options: CursorOptions, start: (cursor: ActionCursor, action: Action) => Task) {
    this.actions = actions;
    this.options = options;
    this.start = start;
  }

  /** Walks `history`, which ends with the events that the invocation just saw. @throws OrchestrationFault */
  walk(history: readonly HistoryEvent[]): void {
    for (const event of history) if (isScheduling(event)) this.scheduled.set(event.EventId, event);
    for (const event of history) this.visit(event);
  }

  /** All actions were awaited to their end. */
  get finished(): boolean {
    return this.index >= this.actions.length;
  }

  /** Tasks for which the instance waits: all that were issued and not completed, except cancelled timers. */
  get openTasks(): number {
    return this.open.size - this.background.size;
  }

  get waitsForEvent(): boolean {
    return this.waiters.size > 0;
  }

  /** External events that no task has taken. */
  unconsumedEvents(): HistoryEvent[] {
    return [...this.early.values()].flat();
  }

  /** Whether the orchestrator has issued actions after the one being awaited: then the SDK is ahead of the host. */
  hasLaterTasks(): boolean {
    return this.actions.slice(this.index + 1).some((action) => action.actionType !== actionType.waitForExternalEvent);
  }

  /**
   * Gives the next task ID to a task of this kind. When the history has that task already it must be the same one;
   * otherwise `create` says what the new task's event carries and what goes out.
   */
  issue(
    kind: number,
    name: string | undefined,
    create: (taskId: number) => { fields: Partial<HistoryEvent>; outgoing?: Outgoing },
  ): { taskId: number; event: HistoryEvent } {
    const taskId = this.nextId++;
    const known = this.scheduled.get(taskId);
    if (known !== undefined) {
      this.checkSame(known, kind, name);
      return { taskId, event: known };
    }
    const { fields, outgoing } = create(taskId);
    const event: HistoryEvent = {
      EventType: kind,
      EventId: taskId,
      IsPlayed: false,
      Timestamp: new Date(this.time).toISOString(),
      ...fields,
    };
    this.events.push(event);
    if (outgoing !== undefined) this.outgoing.push(outgoing);
    return { taskId, event };
  }

  /** Issues a timer; gives its task ID. */
  issueTimer(fireAt: number, marks: RetryMarks = {}): number {
    const { taskId } = this.issue(eventType.timerCreated, undefined, (id) => ({
      fields: { FireAt: new Date(fireAt).toISOString(), ...marks },
      outgoing: { kind: 'timer', taskId: id, fireAt },
    }));
    return taskId;
  }

  /** Calls `done` with the completion of task `taskId`. The instance does not wait for `background` tasks. */
  await(taskId: number, done: (event: HistoryEvent) => void, background = false): void {
    this.open.set(taskId, done);
    if (background) this.background.add(taskId);
  }

  /** Calls `done` with the next event of this exact name: at once with the oldest early one, else the newest waiter
   * comes first, as in the SDK. Entities answer by such events too; waiting for one holds no instance open. */
  awaitEvent(name: string, done: (event: HistoryEvent) => void): void {
    const early = this.early.get(name);
    const event = early?.shift();
    if (early?.length === 0) this.early.delete(name);
    if (event !== undefined) {
      done(event);
      return;
    }
    const waiters = this.waiters.get(name) ?? [];
    waiters.push(done);
    this.waiters.set(name, waiters);
  }

  private visit(event: HistoryEvent): void {
    switch (event.EventType) {
      case eventType.orchestratorStarted:
        this.time = Math.max(this.time, Date.parse(event.Timestamp));
        return;
      case eventType.executionStarted:
        break;
      case eventType.taskCompleted:
      case eventType.taskFailed:
      case eventType.subOrchestrationCompleted:
      case eventType.subOrchestrationFailed:
        this.complete(event.TaskScheduledId ?? -1, event);
        break;
      case eventType.timerFired:
        this.complete(event.TimerId ?? -1, event);
        break;
      case eventType.eventRaised:
        this.raise(event);
        break;
      default:
        return;
    }
    this.advance();
  }

  private complete(taskId: number, event: HistoryEvent): void {
    const done = this.open.get(taskId);
    this.open.delete(taskId);
    this.background.delete(taskId);
    done?.(event);
  }

  private raise(event: HistoryEvent): void {
    const name = event.Name ?? '';
    const waiters = this.waiters.get(name);
    const done = waiters?.pop();
    if (waiters?.length === 0) this.waiters.delete(name);
    if (done !== undefined) {
      done(event);
      return;
    }
    const early = this.early.get(name) ?? [];
    early.push(event);
    this.early.set(name, early);
  }

  private advance(): void {
    if (this.advancing) return;
    this.advancing = true;
    for (let action = this.actions[this.index]; action !== undefined; action = this.actions[this.index]) {
      this.current ??= this.start(this, action);
      if (!this.current.done) break;
      this.current = undefined;
      this.index++;
    }
    this.advancing = false;
  }

  private checkSame(known: HistoryEvent, kind: number, name: string | undefined): void {
    const sameName = name === undefined || (known.Name ?? '').toLowerCase() === name.toLowerCase();
    if (known.EventType === kind && sameName) return;
    const found = `${kindName(known.EventType)}${known.Name === undefined ? '' : ` '${known.Name}'`}`;
    const asked = `${kindName(kind)}${name === undefined ? '' : ` '${name}'`}`;
    throw new OrchestrationFault(
      `Non-Deterministic workflow detected: the history has ${found} with sequence ID ${known.EventId}, ` +
        `but the orchestrator now asks for ${asked} at that place.`,
    );
  }
}

const schedulingKinds = new Map<number, string>([
  [eventType.taskScheduled, 'TaskScheduled'],
  [eventType.subOrchestrationCreated, 'SubOrchestrationInstanceCreated'],
  [eventType.timerCreated, 'TimerCreated'],
  [eventType.eventSent, 'EventSent'],
]);

function isScheduling(event: HistoryEvent): boolean {
  return schedulingKinds.has(event.EventType);
}

function kindName(kind: number): string {
  return schedulingKinds.get(kind) ?? `event type ${kind}`;
}
