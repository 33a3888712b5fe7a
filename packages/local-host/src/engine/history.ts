/**
 * Helpers for histories: they append events, recognise duplicates and give timestamps that never go backwards. The
 * engine calls them. An event that is already in a history must never be changed here.
 */
import type { Engine, InstanceState } from './engine.ts';
import { type Change, eventType, type HistoryEvent } from './model.ts';

/** A key that two completions of one task share. The second one is a duplicate delivery. */
export function completionKey(event: HistoryEvent): string | undefined {
  if (event.EventType === eventType.timerFired) return `timer ${event.TimerId}`;
  return event.TaskScheduledId === undefined ? undefined : `task ${event.TaskScheduledId}`;
}

/** Lock requests that a history has sent and not given back. */
export function locksOf(state: InstanceState): { lockId: string; targets: string[] }[] {
  const locks = new Map<string, string[]>();
  for (const event of state.events) {
    if (event.EventType !== eventType.eventSent) continue;
    const request = JSON.parse(event.Input ?? '{}') as { id?: string; lockset?: { name: string; key: string }[] };
    if (event.Name === 'release') locks.delete(request.id ?? '');
    else if (request.lockset) {
      locks.set(
        request.id ?? '',
        request.lockset.map(({ name, key }) => `@${name}@${key}`),
      );
    }
  }
  return [...locks].map(([lockId, targets]) => ({ lockId, targets }));
}

export function append(state: InstanceState, events: readonly HistoryEvent[]): Change[] {
  if (events.length === 0) return [];
  const texts = events.map(playedText);
  return [{ type: 'appendHistory', instanceId: state.record.instanceId, from: state.events.length, events: texts }];
}

/** An event as the history keeps it: of an earlier episode, hence played. */
export function playedText(event: HistoryEvent): string {
  return JSON.stringify({ ...event, IsPlayed: true });
}

export function historyEvent(kind: number, now: string, fields: Partial<HistoryEvent> = {}): HistoryEvent {
  return { EventType: kind, EventId: -1, IsPlayed: false, Timestamp: now, ...fields };
}

/** The time now, but never earlier than the history's last event, because the SDK's clock only goes forward. */
export function timestamp(engine: Engine, state: InstanceState): string {
  const last = state.events.at(-1);
  const now = engine.ports.now();
  return new Date(last === undefined ? now : Math.max(now, Date.parse(last.Timestamp))).toISOString();
}
