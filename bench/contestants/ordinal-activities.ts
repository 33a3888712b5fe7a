/** Runs the app's activities, unchanged, over a folder as their blob store. For a worker thread, or for the caller. */

import { pipelines } from '../../pipelines/index.ts';
import { parseConfig } from '../../src/environment/config.ts';
import type { Environment } from '../../src/environment/environment.ts';
import { activities } from '../../src/registration/activity-list.ts';
import { FileStore, type StoreCounters } from '../file-store.ts';

export interface ActivityCall {
  /** The run's folder. */
  root: string;
  name: string;
  input: unknown;
}

export interface ActivityAnswer {
  result: unknown;
  /** What this call alone has counted. */
  counters: StoreCounters;
}

/** The defaults of every setting, as a deployed app has them; no storage account is ever asked. */
const config = parseConfig({ ...process.env, AzureWebJobsStorage: 'UseDevelopmentStorage=true' });

let current: { root: string; store: FileStore; environment: Environment } | undefined;

export async function callActivity({ root, name, input }: ActivityCall): Promise<ActivityAnswer> {
  if (current?.root !== root) {
    current?.store.close();
    const store = new FileStore(root);
    current = { root, store, environment: { store, config, pipelines } };
  }
  const { store, environment } = current;
  const before = { ...store.counters };
  const result = await activities.find((activity) => activity.name === name)!.run(environment, input);
  const { requests, bytesRead, bytesWritten } = store.counters;
  return {
    result,
    counters: {
      requests: requests - before.requests,
      bytesRead: bytesRead - before.bytesRead,
      bytesWritten: bytesWritten - before.bytesWritten,
    },
  };
}
