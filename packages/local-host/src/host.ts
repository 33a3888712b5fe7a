/**
 * Starts a whole host: settings, state, workers, engine, HTTP and triggers. `main.ts` calls it. It only connects the
 * parts and holds no rule of its own.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { printCounts, printFunctions, readyLines } from './banner.ts';
import { calmDelays, chaosDelays, killWorkers, seededRandom } from './chaos.ts';
import type { CliOptions } from './cli.ts';
import { DurableClientOperations } from './engine/client.ts';
import type { DurableRuntime } from './engine/runtime.ts';
import { hostKeys, workerEnvironment } from './environment.ts';
import { FunctionTable } from './functions.ts';
import { clientBinding } from './http/client-binding.ts';
import { DurableApi } from './http/durable-api.ts';
import { bodyBytesMaxDefault, readBody } from './http/messages.ts';
import { handleDurable, handleRequest, httpRoutes, listen } from './http/server.ts';
import { Throttle } from './http/throttle.ts';
import type { Logger } from './logging.ts';
import { createRuntime } from './runtime.ts';
import { readAppSettings, readHostJson } from './settings.ts';
import { MemoryStore } from './store/memory.ts';
import { SqliteStore } from './store/sqlite.ts';
import type { Store } from './store/store.ts';
import { writeBlobOutputs } from './triggers/blob-output.ts';
import { hostIdOf } from './triggers/blob-values.ts';
import { startTriggers } from './triggers/start.ts';
import { unsupported } from './unsupported.ts';
import { WorkerPool } from './worker/pool.ts';
import { FunctionError } from './worker/process.ts';
import type { Invocation, InvocationResult } from './worker/protocol.ts';

/** Thrown when the host cannot start: a wrong setting, a missing build, a port in use. The message says what to do. */
export class StartError extends Error {}

export interface RunningHost {
  url: string;
  runtime: DurableRuntime;
  /** Waits until running work has ended, then stops. */
  stop(): Promise<void>;
}

const drainMs = 10_000;
/** Milliseconds that a host waits for the state file of another host that is ending. */
const lockMsMax = 5_000;
const rpcPath = '/durabletask';

/** Starts everything. @throws StartError or SettingsError. */
export async function runHost(options: CliOptions, logger: Logger): Promise<RunningHost> {
  const { scriptRoot } = options;
  if (!existsSync(join(scriptRoot, 'package.json'))) {
    throw new StartError(`There is no package.json in ${scriptRoot}: it is not a Functions app.`);
  }
  const appSettings = readAppSettings(scriptRoot, process.env);
  const settings = readHostJson(scriptRoot, options.workers, appSettings.values);
  if (!options.verbose) logger.setLevels(settings.logLevels);
  if (settings.ignored.length > 0) {
    logger.log('warning', 'host', `host.json: these settings do nothing in this host: ${settings.ignored.join(', ')}`);
  }
  const store = openStore(options.state);
  const opened: (() => void | Promise<void>)[] = [() => store.close()];
  const close = async () => {
    for (const each of opened.splice(0).reverse()) await each();
  };
  try {
    // Requests that arrive before the app is loaded wait for it.
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
    let table: FunctionTable | undefined;
    const complete = async (invocation: Invocation, result: InvocationResult) => {
      const found = table?.all.find((each) => each.name === invocation.functionName);
      if (found !== undefined) await writeBlobOutputs(found, invocation, result, env);
    };
    const pool = new WorkerPool({ scriptRoot, env, logger, heavyWorkers: options.workers, complete });
    opened.push(() => pool.stop(drainMs));
    const functions = await loadFunctions(pool, env);
    table = functions;
    for (const sentence of functions.broken) logger.log('error', 'host', sentence);
    for (const sentence of unsupported(functions)) logger.log('warning', 'host', sentence);
    const routes = httpRoutes(functions, settings.routePrefix);
    const allKeys = hostKeys(env);
    const keys = options.enableAuth ? allKeys : undefined;
    const binding = { hubName: settings.hubName, publicUrl: url, rpcUrl, key: allKeys.durable };
    const clientValue = clientBinding(binding);
    const { chaosSeed, payloadBytesMax } = options;
    const delays = chaosSeed === undefined ? calmDelays : chaosDelays(seededRandom(chaosSeed + 2));
    const runtime = createRuntime({
      settings,
      store,
      functions,
      pool,
      logger,
      chaosSeed,
      delays,
      clientValue,
      env,
      payloadBytesMax,
    });
    opened.push(() => runtime.stop(drainMs));
    if (options.chaosSeed !== undefined) {
      opened.push(killWorkers(seededRandom(options.chaosSeed + 1), (random) => pool.killOne(random)));
    }
    const api = new DurableApi(new DurableClientOperations(runtime), runtime, binding, delays.startGapMs);
    const timeoutMs = settings.functionTimeoutMs;
    const blobs = { triesMax: settings.poisonBlobThreshold, parallelism: settings.blobParallelism };
    const triggers = await startTriggers(
      { pool, clientValue, timeoutMs, env, pollMs: options.blobPollMs, hostId: hostIdOf(scriptRoot, env), ...blobs },
      functions,
      logger,
      {
        read: (name) => store.timer(name),
        write: (name, status) => runtime.commit([{ type: 'putTimer', name, status }]),
      },
    );
    opened.push(() => triggers.stop());
    const throttle = new Throttle({
      outstandingMax: settings.maxOutstandingRequests,
      concurrentMax: settings.maxConcurrentRequests,
    });
    const bodyBytesMax = bodyLimit(env);
    const http = {
      routes,
      pool,
      api,
      clientValue,
      publicUrl: url,
      keys,
      timeoutMs,
      bodyBytesMax,
      throttle,
      logger,
      triggers,
    };
    handler = (request, response) => handleRequest(http, request, response);
    rpcHandler = async (request, response) => {
      const target = new URL(request.url ?? '/', rpcUrl);
      const body = await readBody(request, Number.POSITIVE_INFINITY);
      await handleDurable(api, request, body, response, target, rpcPath, `${url}/runtime/webhooks/durabletask`);
    };
    runtime.start();
    ready?.();
    if (!options.functions && readyLines(scriptRoot, url).length > 0) printCounts(logger, functions, routes);
    else printFunctions(logger, functions, routes, url);
    return { url, runtime, stop: close };
  } catch (error) {
    await close();
    throw error;
  }
}

function bodyLimit(env: Record<string, string>): number {
  const name = 'FUNCTIONS_REQUEST_BODY_SIZE_LIMIT';
  const text = env[name] ?? String(bodyBytesMaxDefault);
  if (!/^\d{1,15}$/.test(text))
    throw new StartError(`The app setting ${name} must be a number of bytes, not '${text}'.`);
  return Number(text);
}

function openStore(state: string): Store {
  return state === ':memory:' ? new MemoryStore() : new SqliteStore(state, lockMsMax);
}

async function loadFunctions(pool: WorkerPool, env: Record<string, string>): Promise<FunctionTable> {
  try {
    const found = await pool.start();
    if (found.length === 0) throw new StartError('The app registers no function. Check "main" in package.json.');
    return new FunctionTable(found, env);
  } catch (error) {
    if (error instanceof FunctionError) throw new StartError(error.thrown.stack || error.message);
    throw error;
  }
}
