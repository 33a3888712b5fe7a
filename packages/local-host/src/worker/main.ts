/**
 * The program of a worker process: it loads the app once and then runs what the host sends. `process.ts` starts it. It
 * keeps no state and may be killed at any time.
 */
import { CoreModule } from './core-module.ts';
import { ensureError, invoke } from './invoke.ts';
import { loadApp } from './load-app.ts';
import { onLoopback } from './loopback.ts';
import type { FromWorker, Invocation, ToWorker } from './protocol.ts';

const capabilities: Record<string, string> = {
  RawHttpBodyBytes: 'true',
  RpcHttpTriggerMetadataRemoved: 'true',
  RpcHttpBodyOnly: 'true',
  IgnoreEmptyValuedRpcHttpHeaders: 'true',
  UseNullableValueDictionaryForHttp: 'true',
  WorkerStatus: 'true',
  TypedDataCollection: 'true',
  HandlesWorkerTerminateMessage: 'true',
};

const send = (message: FromWorker): void => {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
};
const core = new CoreModule(send);

async function load(scriptRoot: string): Promise<void> {
  try {
    process.chdir(scriptRoot);
    core.install(scriptRoot);
    const files = await loadApp(scriptRoot);
    await core.runHooks('appStart', { hookData: {}, appHookData: core.appHookData, functionAppDirectory: scriptRoot });
    core.closeRegistration();
    // An app that registers nothing has not set a programming model either. The host reports what is missing.
    if (core.functions.size > 0) await onLoopback(async () => core.programmingModel.getCapabilities?.(capabilities));
    const functions = [...core.functions.values()].map((each) => each.metadata);
    const { HttpUri: httpUri } = capabilities;
    send({ type: 'loaded', functions, files, ...(httpUri !== undefined && { httpUri }) });
  } catch (error) {
    send({ type: 'loadFailed', ...ensureError(error) });
  }
}

async function run(invocation: Invocation): Promise<void> {
  const { id } = invocation;
  try {
    send({ type: 'result', id, result: await invoke(core, invocation, send) });
  } catch (error) {
    send({ type: 'failed', id, ...ensureError(error) });
  }
}

async function stop(): Promise<void> {
  try {
    await core.runHooks('appTerminate', { hookData: {}, appHookData: core.appHookData });
  } finally {
    process.exit(0);
  }
}

process.on('message', (messages: ToWorker[]) => {
  for (const message of messages) {
    if (message.type === 'invoke') void run(message.invocation);
    else if (message.type === 'load') void load(message.scriptRoot);
    else void stop();
  }
});
// The host is gone, so nobody would get the results of this worker.
process.on('disconnect', () => process.exit(0));
// Ctrl-C reaches the whole process group, but the host decides when a worker ends.
process.on('SIGINT', () => {});
