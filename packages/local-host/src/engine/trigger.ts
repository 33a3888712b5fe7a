/**
 * Makes the value of the orchestration trigger as JSON text. `episode.ts` calls it. The SDK parses this text, so its
 * field names must be the extension's.
 */
import type { Engine, InstanceState } from './engine.ts';
import type { HistoryEvent } from './model.ts';

/** The orchestration trigger's value as JSON text (`OrchestrationTriggerAttributeBindingProvider`). */
export function triggerText(engine: Engine, state: InstanceState, fresh: readonly HistoryEvent[]): string {
  const { record, texts, events } = state;
  const { settings } = engine;
  const rest = JSON.stringify({
    instanceId: record.instanceId,
    isReplaying: events.length > 0,
    parentInstanceId: record.parent?.instanceId ?? null,
    upperSchemaVersion: 1,
    upperSchemaVersionNew: 3,
    longRunningTimerIntervalDuration: timeSpan(settings.longTimerIntervalMs),
    maximumShortTimerDuration: timeSpan(settings.shortTimerMaxMs),
    defaultHttpAsyncRequestSleepTimeMillseconds: settings.httpPollDelayMs,
  });
  const history = [...texts, ...fresh.map((event) => JSON.stringify(event))].join();
  return `{"history":[${history}],"input":${record.input ?? 'null'},${rest.slice(1)}`;
}

/** A .NET TimeSpan, as in `3.00:00:00`. */
function timeSpan(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  const fraction = milliseconds % 1000 === 0 ? '' : `.${String(milliseconds % 1000).padStart(3, '0')}`;
  const time = `${two(Math.floor(seconds / 3600) % 24)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return `${Math.floor(seconds / 86400)}.${time}${fraction}`;
}
