/**
 * Reads the settings: environment variables, which come from `local.settings.json` on a developer's machine.
 * `environment.ts` calls it once for each process. It is the only place that reads settings; after it, values are
 * trusted. Names follow the Functions conventions: `X` is a connection string, and `X__blobServiceUri` is an
 * identity-based connection.
 */
import os from 'node:os';
import { threadId } from 'node:worker_threads';
import { z } from 'zod';
import { OrdinalError } from '../errors.ts';
import { type ArrivalOverride, parseArrivalSetting } from '../pipeline/arrival.ts';
import { parseScheduleSetting, type ScheduleOverride } from '../pipeline/schedule.ts';
import type { StorageConnection } from '../storage/connection.ts';

const integer = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
const containerName = z.string().regex(/^[a-z0-9](?:[a-z0-9]|-(?=[a-z0-9])){2,62}$/, 'is not a container name');

/** What an identity-based connection uses. Left out, the default credential chain finds an identity. */
const credential = z.enum(['managedidentity']).optional();

/** Hosts at which Data Factory and Synapse pipelines receive the callbacks of their Webhook activities. */
const ADF_HOSTS = '*.datafactory.azure.com,*.azuresynapse.net';

const flag = z
  .enum(['true', 'false', ''])
  .default('false')
  .transform((text) => text === 'true');

/** Parses the setting `ORDINAL_ARRIVAL`: see `parseArrivalSetting`. */
function arrivals(text: string, context: z.RefinementCtx): Record<string, ArrivalOverride> {
  const parsed = parseArrivalSetting(text);
  if ('arrivals' in parsed) return parsed.arrivals;
  context.addIssue(parsed.fault);
  return z.NEVER;
}

/** Parses the setting `ORDINAL_SCHEDULE`: see `parseScheduleSetting`. */
function schedules(text: string, context: z.RefinementCtx): Record<string, ScheduleOverride> {
  const parsed = parseScheduleSetting(text);
  if ('schedules' in parsed) return parsed.schedules;
  context.addIssue(parsed.fault);
  return z.NEVER;
}

const schema = z.object({
  /** Where source and published blobs live. @default the Functions storage account */
  ORDINAL_STORAGE: z.string().optional(),
  ORDINAL_STORAGE__blobServiceUri: z.url().optional(),
  ORDINAL_STORAGE__clientId: z.string().optional(),
  ORDINAL_STORAGE__credential: credential,
  AzureWebJobsStorage: z.string().optional(),
  AzureWebJobsStorage__blobServiceUri: z.url().optional(),
  AzureWebJobsStorage__clientId: z.string().optional(),
  AzureWebJobsStorage__credential: credential,
  /** Container for work in progress and the key index. */
  ORDINAL_WORK_CONTAINER: containerName.default('ordinal'),
  /** Source rows that a batch should have: whole row groups are added while they fit. */
  ORDINAL_BATCH_ROWS: integer(1, 64_000_000).default(600_000),
  /** Source rows that one output file should have. */
  ORDINAL_PART_ROWS: integer(1, 1_000_000_000).default(5_000_000),
  /** Source bytes up to which a run keeps its work in progress in the memory of one process. 0: none does. */
  ORDINAL_SHORT_BYTES: integer(0, 1024 * 1024 * 1024).default(128 * 1024 * 1024),
  /** Worker threads that such a run may use, where the app names the module of its pipelines. 1: none. */
  ORDINAL_THREADS: integer(1, 16).default(Math.min(4, os.availableParallelism())),
  /** Storage requests that one activity has under way at the same time. */
  ORDINAL_REQUESTS_IN_FLIGHT: integer(1, 64).default(8),
  /** Hosts that a run may call back, separated by commas; `*.` stands for any name before the dot. */
  ORDINAL_CALLBACK_HOSTS: z.string().default(ADF_HOSTS),
  /** `true` also allows `http://` on this machine's loopback, for tests. */
  ORDINAL_CALLBACK_LOOPBACK: flag,
  /** Address of the API as its users know it, for a proxy that does not forward it: `https://api.example.com/api/`. */
  ORDINAL_PUBLIC_URL: z.url().optional(),
  /** Hours after which a run that was started without a deadline is ended. */
  ORDINAL_RUN_HOURS_MAX: z.coerce.number().positive().max(120).default(24),
  /** By pipeline: what an arriving blob starts; it replaces `arrival` of the definition. See docs/http.md. */
  ORDINAL_ARRIVAL: z.string().default('').transform(arrivals),
  /** By pipeline: when a timer starts it; it replaces `schedule` of the definition. See docs/http.md. */
  ORDINAL_SCHEDULE: z.string().default('').transform(schedules),
  /** Days for which ended runs, their remains and receipts of arrivals are kept. */
  ORDINAL_KEEP_DAYS: z.coerce.number().min(2).max(3650).default(30),
  /** Hours for which the work in progress of ended runs is kept. */
  ORDINAL_KEEP_WORK_HOURS: z.coerce.number().min(1).max(87_600).default(48),
  /** `true` lets the monitor page offer to start, cancel and restart runs. */
  ORDINAL_MONITOR_ACTIONS: flag,
  /** The instance that this process runs on, as App Service names it. */
  WEBSITE_INSTANCE_ID: z.string().optional(),
});

/** Names of all settings that are read here. */
export const settingNames: readonly string[] = Object.keys(schema.shape);

export interface Config {
  storage: StorageConnection;
  workContainer: string;
  batchRowsTarget: number;
  partRowsTarget: number;
  /** Source bytes of a run that takes the short way. */
  shortBytesMax: number;
  /** Worker threads for such a run; 1 stands for none. */
  threads: number;
  requestsInFlight: number;
  callBack: { hosts: string[]; loopback: boolean };
  publicUrl: string | undefined;
  runHoursMax: number;
  keepDays: number;
  keepWorkHours: number;
  /** Whether the monitor page offers to start, cancel and restart runs. */
  monitorActions: boolean;
  /** This process, by a short name: in the times of what it does. */
  worker: string;
  /** By pipeline name: what replaces the pipeline's own `arrival`. */
  arrivals: Record<string, ArrivalOverride>;
  /** By pipeline name: what replaces the pipeline's own `schedule`. */
  schedules: Record<string, ScheduleOverride>;
}

/**
 * Parses the settings.
 *
 * @param env environment variables by name.
 * @throws OrdinalError `InvalidSettings` that names the setting.
 */
export function parseConfig(env: Record<string, string | undefined>): Config {
  const parsed = schema.safeParse(env);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new OrdinalError('InvalidSettings', `setting ${issue?.path.join('.')}: ${issue?.message}`, {
      where: { field: String(issue?.path[0] ?? '') },
      remedy: 'Correct it in the app settings, or in local.settings.json.',
    });
  }
  const s = parsed.data;
  return {
    storage: connectionOf(s),
    workContainer: s.ORDINAL_WORK_CONTAINER,
    batchRowsTarget: s.ORDINAL_BATCH_ROWS,
    partRowsTarget: s.ORDINAL_PART_ROWS,
    shortBytesMax: s.ORDINAL_SHORT_BYTES,
    threads: s.ORDINAL_THREADS,
    requestsInFlight: s.ORDINAL_REQUESTS_IN_FLIGHT,
    callBack: {
      hosts: s.ORDINAL_CALLBACK_HOSTS.split(',')
        .map((host) => host.trim().toLowerCase())
        .filter((host) => host !== ''),
      loopback: s.ORDINAL_CALLBACK_LOOPBACK,
    },
    publicUrl: s.ORDINAL_PUBLIC_URL,
    runHoursMax: s.ORDINAL_RUN_HOURS_MAX,
    keepDays: s.ORDINAL_KEEP_DAYS,
    keepWorkHours: s.ORDINAL_KEEP_WORK_HOURS,
    monitorActions: s.ORDINAL_MONITOR_ACTIONS,
    worker: workerName(s.WEBSITE_INSTANCE_ID),
    arrivals: s.ORDINAL_ARRIVAL,
    schedules: s.ORDINAL_SCHEDULE,
  };
}

/** ASCII, at most 40 characters: the instance, the process and its thread. */
function workerName(instance: string | undefined): string {
  const place = (instance?.slice(0, 8) ?? os.hostname()).replace(/[^A-Za-z0-9.-]/g, '').slice(0, 20);
  return [place, process.pid, ...(threadId > 0 ? [threadId] : [])].join('/');
}

function connectionOf(s: z.infer<typeof schema>): StorageConnection {
  for (const name of ['ORDINAL_STORAGE', 'AzureWebJobsStorage'] as const) {
    const connectionString = s[name];
    if (connectionString) return { connectionString };
    const blobServiceUri = s[`${name}__blobServiceUri`];
    const clientId = s[`${name}__clientId`];
    const credential = s[`${name}__credential`];
    if (blobServiceUri) return { blobServiceUri, ...(clientId && { clientId }), ...(credential && { credential }) };
  }
  throw new OrdinalError('InvalidSettings', 'no storage account is configured', {
    where: { field: 'ORDINAL_STORAGE' },
    remedy: 'Set ORDINAL_STORAGE or AzureWebJobsStorage, or their identity-based forms with __blobServiceUri.',
  });
}
