/**
 * Makes the durable engine as a host uses it: with the real clock, real timers, the app's workers, and chaos if it was
 * asked for. `host.ts` calls it. Tests make an engine of their own, with a virtual clock.
 */
import { randomUUID } from 'node:crypto';
import { type Delays, seededRandom, withChaos } from './chaos.ts';
import { createDispatch } from './dispatch.ts';
import { wallTimers } from './engine/agenda.ts';
import { DurableRuntime } from './engine/runtime.ts';
import type { FunctionTable } from './functions.ts';
import { managedIdentity } from './http/identity.ts';
import type { Logger } from './logging.ts';
import type { HostSettings } from './settings.ts';
import type { Store } from './store/store.ts';
import type { WorkerPool } from './worker/pool.ts';

export interface RuntimeParts {
  settings: HostSettings;
  store: Store;
  functions: FunctionTable;
  pool: WorkerPool;
  logger: Logger;
  chaosSeed: number | undefined;
  delays: Delays;
  /** The value of the app's durable client bindings. */
  clientValue: string;
  /** App settings. */
  env: Record<string, string>;
  payloadBytesMax: number | undefined;
}

const dayMs = 24 * 3600 * 1000;

/** The engine with what a host gives it: the wall clock, real timers, the app's workers. */
export function createRuntime(parts: RuntimeParts): DurableRuntime {
  const { settings, store, functions, pool, logger, chaosSeed, delays, clientValue, env, payloadBytesMax } = parts;
  const token = managedIdentity(env, Date.now);
  const plain = createDispatch({
    pool,
    functions,
    timeoutMs: settings.functionTimeoutMs,
    clientValue,
    token,
    payloadBytesMax,
  });
  const log = (message: string) => logger.log('information', 'durable', message);
  const dispatch = chaosSeed === undefined ? plain : withChaos(plain, { random: seededRandom(chaosSeed), log });
  return new DurableRuntime({
    store,
    names: functions,
    ports: { now: () => Date.now(), newId: () => randomUUID() },
    timers: wallTimers,
    dispatch,
    settings: {
      shortTimerMaxMs: 6 * dayMs,
      longTimerIntervalMs: 3 * dayMs,
      httpPollDelayMs: settings.httpPollDelayMs,
      defaultVersion: settings.defaultVersion,
      versionMatch: settings.versionMatch,
      versionFailure: settings.versionFailure,
      maxActions: settings.maxOrchestrationActions,
      storeInputs: settings.storeInputs,
      payloadBytesMax,
      terminateDelayMs: delays.terminateMs,
      dedupeStatuses: settings.anyStateOverridable ? [] : ['Running', 'ContinuedAsNew', 'Pending', 'Suspended'],
    },
    maxConcurrentActivities: settings.maxConcurrentActivityFunctions,
    maxConcurrentOrchestrators: settings.maxConcurrentOrchestratorFunctions,
    maxConcurrentEntities: settings.maxConcurrentEntityFunctions,
    entityBatchSizeMax: settings.maxEntityOperationBatchSize,
    log: (level, message) => logger.log(level, 'durable', message),
  });
}
