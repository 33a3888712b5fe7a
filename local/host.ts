import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { printFunctions } from './banner.ts';
import { killWorkers, seededRandom, withChaos } from './chaos.ts';
import type { CliOptions } from './cli.ts';
import { createDispatch } from './dispatch.ts';
import { DurableClientOperations } from './engine/client.ts';
import { DurableRuntime } from './engine/runtime.ts';
import { FunctionTable } from './functions.ts';
import type { HostKeys } from './http/auth.ts';
import { clientBinding } from './http/client-binding.ts';
import { DurableApi } from './http/durable-api.ts';
import { handleDurable, handleRequest, httpRoutes, listen } from './http/server.ts';
import type { Logger } from './logging.ts';
import { type HostSettings, readAppSettings, readHostJson } from './settings.ts';
import { MemoryStore } from './store/memory.ts';
import { SqliteStore } from './store/sqlite.ts';
import type { Store } from './store/store.ts';
import { WorkerPool } from './worker/pool.ts';
import { FunctionError } from './worker/process.ts';

/** The app cannot be served: a wrong setting, a missing build, a port in use. The message says what to do. */
export class StartError extends Error {}

export interface RunningHost {
  url: string;
  runtime: DurableRuntime;
  /** Lets what runs come to its end, then stops. */
  stop(): Promise<void>;
}

const drainMs = 10_000;
const rpcPath = '/durabletask';

/** Starts everything. @throws StartError or SettingsError. */
export async function runHost(options: CliOptions, logger: Logger): Promise<RunningHost> {
  const { scriptRoot } = options;
  if (!existsSync(join(scriptRoot, 'package.json'))) {
    throw new StartError(`There is no package.json in ${scriptRoot}: it is not a Functions app.`);
  }
  const settings = readHostJson(scriptRoot, options.workers);
  if (settings.ignored.length > 0) {
    logger.log('warning', 'host', `host.json: these settings do nothing in this host: ${settings.ignored.join(', ')}`);
  }
  const appSettings = readAppSettings(scriptRoot, process.env);
  const store = openStore(options.state);
  const opened: (() => void | Promise<void>)[] = [() => store.close()];
  const close = async () => {
    for (const each of opened.splice(0).reverse()) await each();
  };
  try {
    // Requests that come before the app is loaded wait for it.
    let ready: (() => void) | undefined;
    const loaded = new Promise<void>((resolve) => {
      ready = resolve;
    });
    let handler: Parameters<typeof listen>[0] = async () => {};
    let rpcHandler: Parameters<typeof listen>[0] = async () => {};
    const main = await listen(
      (request, response) => loaded.then(() => handler(request, response)),
      options.port,
      logger,
    );
    const rpc = await listen((request, response) => loaded.then(() => rpcHandler(request, response)), 0, logger);
    for (const { server } of [main, rpc]) {
      opened.push(() => {
        server.close();
        server.closeAllConnections();
      });
    }
    const url = `http://localhost:${main.port}`;
    const rpcUrl = `http://127.0.0.1:${rpc.port}${rpcPath}/`;
    const env = workerEnvironment(appSettings.values, scriptRoot, main.port);
    const pool = new WorkerPool({ scriptRoot, env, logger, heavyWorkers: options.workers });
    opened.push(() => pool.stop(drainMs));
    const functions = await loadFunctions(pool, env);
    const routes = httpRoutes(functions, settings.routePrefix);
    const runtime = createRuntime({ settings, store, functions, pool, logger, chaosSeed: options.chaosSeed });
    opened.push(() => runtime.stop(drainMs));
    if (options.chaosSeed !== undefined) {
      opened.push(killWorkers(seededRandom(options.chaosSeed + 1), (random) => pool.killOne(random)));
    }
    const keys = options.enableAuth ? hostKeys(env) : undefined;
    const binding = { hubName: settings.hubName, publicUrl: url, rpcUrl, key: keys?.durable ?? '' };
    const api = new DurableApi(new DurableClientOperations(runtime), runtime, binding);
    const clientValue = clientBinding(binding);
    const http = {
      routes,
      pool,
      api,
      clientValue,
      publicUrl: url,
      keys,
      timeoutMs: settings.functionTimeoutMs,
      logger,
    };
    handler = (request, response) => handleRequest(http, request, response);
    rpcHandler = (request, response) => {
      const target = new URL(request.url ?? '/', rpcUrl);
      return handleDurable(api, request, response, target, rpcPath, `${url}/runtime/webhooks/durabletask`);
    };
    runtime.start();
    ready?.();
    printFunctions(logger, functions, routes, url);
    return { url, runtime, stop: close };
  } catch (error) {
    await close();
    throw error;
  }
}

function openStore(state: string): Store {
  return state === ':memory:' ? new MemoryStore() : new SqliteStore(state);
}

async function loadFunctions(pool: WorkerPool, env: Record<string, string>): Promise<FunctionTable> {
  try {
    const found = await pool.start();
    if (found.length === 0) throw new StartError('The app registers no function.');
    return new FunctionTable(found, env);
  } catch (error) {
    if (error instanceof FunctionError) throw new StartError(error.thrown.stack || error.message);
    throw error;
  }
}

/** What Core Tools and the Functions host put into a worker's environment, as far as the SDKs look. */
function workerEnvironment(values: Record<string, string>, scriptRoot: string, port: number): Record<string, string> {
  const local = ['localhost', '127.0.0.1', ...(values.NO_PROXY ?? values.no_proxy ?? '').split(',')];
  const noProxy = [...new Set(local.filter((each) => each !== ''))].join();
  return {
    ...values,
    WEBSITE_HOSTNAME: `localhost:${port}`,
    NO_PROXY: noProxy,
    no_proxy: noProxy,
    FUNCTIONS_WORKER_RUNTIME: 'node',
    AzureWebJobsScriptRoot: scriptRoot,
    AZURE_FUNCTIONS_ENVIRONMENT: values.AZURE_FUNCTIONS_ENVIRONMENT ?? 'Development',
  };
}

/** Keys are app settings here: `Host__Keys__master`, `Host__Keys__default`, `Host__Keys__durabletask`, and
 * `Host__Keys__function__NAME`; those not given are made up for this run. */
function hostKeys(env: Record<string, string>): HostKeys {
  const random = () => randomUUID().replaceAll('-', '');
  const prefix = 'Host__Keys__function__';
  const functions = Object.entries(env)
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, value]) => [name.slice(prefix.length).toLowerCase(), value]);
  return {
    master: env.Host__Keys__master ?? random(),
    host: env.Host__Keys__default ?? random(),
    durable: env.Host__Keys__durabletask ?? random(),
    functions: Object.fromEntries(functions),
  };
}

interface RuntimeParts {
  settings: HostSettings;
  store: Store;
  functions: FunctionTable;
  pool: WorkerPool;
  logger: Logger;
  chaosSeed: number | undefined;
}

const dayMs = 24 * 3600 * 1000;

function createRuntime({ settings, store, functions, pool, logger, chaosSeed }: RuntimeParts): DurableRuntime {
  const plain = createDispatch({ pool, functions, timeoutMs: settings.functionTimeoutMs });
  const log = (message: string) => logger.log('information', 'durable', message);
  const dispatch = chaosSeed === undefined ? plain : withChaos(plain, { random: seededRandom(chaosSeed), log });
  return new DurableRuntime({
    store,
    names: functions,
    ports: { now: () => Date.now(), newId: () => randomUUID() },
    timers: {
      after: (delayMs, action) => {
        const timer = setTimeout(action, delayMs);
        return () => clearTimeout(timer);
      },
    },
    dispatch,
    settings: {
      shortTimerMaxMs: 6 * dayMs,
      longTimerIntervalMs: 3 * dayMs,
      httpPollDelayMs: settings.httpPollDelayMs,
      defaultVersion: settings.defaultVersion,
      maxActions: settings.maxOrchestrationActions,
      dedupeStatuses: settings.anyStateOverridable ? [] : ['Running', 'ContinuedAsNew', 'Pending', 'Suspended'],
    },
    maxConcurrentActivities: settings.maxConcurrentActivityFunctions,
    maxConcurrentOrchestrators: settings.maxConcurrentOrchestratorFunctions,
    maxConcurrentEntities: settings.maxConcurrentEntityFunctions,
    entityBatchSizeMax: settings.maxEntityOperationBatchSize,
    log: (level, message) => logger.log(level, 'durable', message),
  });
}
