/**
 * Keeps the parsed histories of the instances that were used last, so that an episode need not read and parse its
 * history again. `runtime.ts` owns it. The store stays the truth: an entry of another execution must not be used.
 */
import type { InstanceState } from './engine.ts';
import { playedText } from './history.ts';
import type { HistoryEvent, InstanceRecord } from './model.ts';

interface Entry {
  executionId: string;
  events: HistoryEvent[];
  texts: string[];
}

/** Instances whose history is kept parsed; the least recently used one leaves first. */
const entriesMax = 500;

/** Keeps parsed histories, so that they are not read and parsed again for each episode. */
export class HistoryCache {
  private readonly entries = new Map<string, Entry>();

  load(record: InstanceRecord, read: () => string[]): InstanceState {
    const { instanceId, executionId } = record;
    let entry = this.entries.get(instanceId);
    if (entry === undefined || entry.executionId !== executionId) {
      const texts = read();
      entry = { executionId, texts, events: texts.map((text) => JSON.parse(text) as HistoryEvent) };
    }
    this.entries.delete(instanceId);
    this.entries.set(instanceId, entry);
    if (this.entries.size > entriesMax) this.entries.delete(this.entries.keys().next().value ?? '');
    return { record, events: entry.events, texts: entry.texts };
  }

  /** Adds what was committed. */
  extend(instanceId: string, events: readonly HistoryEvent[]): void {
    const entry = this.entries.get(instanceId);
    for (const event of events) {
      entry?.events.push({ ...event, IsPlayed: true });
      entry?.texts.push(playedText(event));
    }
  }

  drop(instanceId: string): void {
    this.entries.delete(instanceId);
  }
}
