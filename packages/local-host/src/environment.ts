/**
 * The environment of worker processes, and the keys of the host. `host.ts` calls it. It sets what Core Tools and the
 * Functions host set, as far as the SDKs look at it.
 */
import { randomUUID } from 'node:crypto';
import type { HostKeys } from './http/auth.ts';

/** What Core Tools and the Functions host put into a worker's environment, as far as the SDKs look. */
export function workerEnvironment(
  values: Record<string, string>,
  scriptRoot: string,
  port: number,
): Record<string, string> {
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
export function hostKeys(env: Record<string, string>): HostKeys {
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
