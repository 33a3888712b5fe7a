/**
 * Types that an episode of an orchestration works with: the engine's ports and settings, and the instance's history so
 * far. All files of the engine use them. It holds no code.
 */
import type { FunctionNames, HistoryEvent, InstanceRecord, Ports } from './model.ts';
import type { VersionSettings } from './version.ts';

/** The settings of the durable task extension that shape an episode. */
export interface EngineSettings extends VersionSettings {
  shortTimerMaxMs: number;
  longTimerIntervalMs: number;
  httpPollDelayMs: number;
  maxActions: number;
  /** Whether scheduling events carry the inputs of activities and sub-orchestrations. */
  storeInputs: boolean;
  /** Bytes that an input, a result or an output may have; undefined for any number. */
  payloadBytesMax?: number | undefined;
  /** How long an instance goes on after it was told to end, in ms; a new value each time. */
  terminateDelayMs: () => number;
  /** Statuses in which a second start with the same instance ID is refused. */
  dedupeStatuses: readonly string[];
}

export interface Engine {
  ports: Ports;
  names: FunctionNames;
  settings: EngineSettings;
  /** Reads an instance other than the one at work. */
  lookup: (instanceId: string) => InstanceRecord | undefined;
}

/** An instance and its history so far. `texts[i]` is `events[i]` as JSON, with `IsPlayed` true. */
export interface InstanceState {
  record: InstanceRecord;
  events: HistoryEvent[];
  texts: string[];
}
