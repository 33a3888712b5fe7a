/**
 * The settings of the host, from host.json and the app settings. `host.ts` reads them once at the start; no other file
 * may read these two files.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { VersionFailure, VersionMatch } from './engine/version.ts';
import type { LogLevels } from './log-levels.ts';
import { readJson, SettingsError, SettingsReader } from './settings-reader.ts';

/** What the host takes from host.json, with Azure's defaults. */
export interface HostSettings {
  routePrefix: string;
  /** HTTP requests that may be under way or wait; the next one is answered with 429. Undefined: no limit. */
  maxOutstandingRequests: number | undefined;
  /** HTTP functions that run at the same time; the others wait. Undefined: no limit. */
  maxConcurrentRequests: number | undefined;
  /** Undefined: no limit. */
  functionTimeoutMs: number | undefined;
  hubName: string;
  maxConcurrentActivityFunctions: number;
  maxConcurrentOrchestratorFunctions: number;
  maxConcurrentEntityFunctions: number;
  maxEntityOperationBatchSize: number;
  maxOrchestrationActions: number;
  /** `AnyState` allows a second start whatever the first one's status. */
  anyStateOverridable: boolean;
  httpPollDelayMs: number;
  /** Whether scheduling events carry the inputs of activities and sub-orchestrations. */
  storeInputs: boolean;
  defaultVersion: string;
  versionMatch: VersionMatch;
  versionFailure: VersionFailure;
  poisonBlobThreshold: number;
  blobParallelism: number;
  logLevels: LogLevels;
  /** Keys in host.json that do nothing in this host. */
  ignored: string[];
}

/** Reads `host.json`. @throws SettingsError when it is missing, not JSON, or a value is of the wrong kind. */
export function readHostJson(scriptRoot: string, cores: number, env: Record<string, string>): HostSettings {
  const file = join(scriptRoot, 'host.json');
  const reader = new SettingsReader(readJson(file), file, env);
  const durable = 'extensions.durableTask';
  const hubName = reader.text(`${durable}.hubName`, 'TestHubName');
  if (!/^[A-Za-z][A-Za-z0-9]{2,44}$/.test(hubName)) {
    throw new SettingsError(`${file}: ${durable}.hubName must be 3 to 45 letters and digits, a letter first.`);
  }
  if (reader.text('version', '2.0') !== '2.0') throw new SettingsError(`${file}: "version" must be "2.0".`);
  for (const queue of ['controlQueue', 'workItemQueue']) {
    reader.timeSpanWithin(`${durable}.storageProvider.${queue}VisibilityTimeout`, '00:05:00', '00:01:00', '01:00:00');
  }
  const settings: HostSettings = {
    routePrefix: reader.text('extensions.http.routePrefix', 'api').replace(/^\/|\/$/g, ''),
    maxOutstandingRequests: reader.limit('extensions.http.maxOutstandingRequests'),
    maxConcurrentRequests: reader.limit('extensions.http.maxConcurrentRequests'),
    functionTimeoutMs: reader.timeSpan('functionTimeout', '00:30:00'),
    hubName,
    maxConcurrentActivityFunctions: reader.count(`${durable}.maxConcurrentActivityFunctions`, 10 * cores),
    maxConcurrentOrchestratorFunctions: reader.count(`${durable}.maxConcurrentOrchestratorFunctions`, 10 * cores),
    maxConcurrentEntityFunctions: reader.count(`${durable}.maxConcurrentEntityFunctions`, 10 * cores),
    maxEntityOperationBatchSize: reader.count(`${durable}.maxEntityOperationBatchSize`, 5000),
    maxOrchestrationActions: reader.count(`${durable}.maxOrchestrationActions`, 100_000),
    anyStateOverridable:
      reader.choice(`${durable}.overridableExistingInstanceStates`, ['NonRunningStates', 'AnyState']) === 'AnyState',
    httpPollDelayMs: reader.count(`${durable}.httpSettings.defaultAsyncRequestSleepTimeMilliseconds`, 30_000),
    storeInputs: reader.flag(`${durable}.storeInputsInOrchestrationHistory`, false),
    defaultVersion: reader.text(`${durable}.defaultVersion`, ''),
    versionMatch: reader.choice(`${durable}.versionMatchStrategy`, ['CurrentOrOlder', 'Strict', 'None']),
    versionFailure: reader.choice(`${durable}.versionFailureStrategy`, ['Reject', 'Fail']),
    poisonBlobThreshold: reader.count('extensions.blobs.poisonBlobThreshold', 5),
    blobParallelism: reader.count('extensions.blobs.maxDegreeOfParallelism', 8 * cores),
    logLevels: reader.logLevels(),
    ignored: [],
  };
  settings.ignored = reader.unread(['extensionBundle', '$schema']);
  return settings;
}

/** The app settings: `Values` of local.settings.json, or of the sample. The environment wins over both. */
export function readAppSettings(
  scriptRoot: string,
  env: Record<string, string | undefined>,
): { values: Record<string, string>; file: string | undefined } {
  const candidates = ['local.settings.json', 'local.settings.sample.json'].map((name) => join(scriptRoot, name));
  const file = candidates.find((each) => existsSync(each));
  const values: Record<string, string> = {};
  if (file !== undefined) {
    const found = readJson(file).Values ?? {};
    if (typeof found !== 'object' || found === null) throw new SettingsError(`${file}: "Values" must be an object.`);
    for (const [name, value] of Object.entries(found)) {
      if (typeof value === 'object') throw new SettingsError(`${file}: "Values.${name}" must be a text.`);
      values[name] = String(value);
    }
  }
  for (const [name, value] of Object.entries(env)) if (value !== undefined) values[name] = value;
  return { values, file };
}
