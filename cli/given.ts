/**
 * What a command is given: the app, the storage, the pipelines, the terminal, each opened at its first use. `main.ts` makes
 * it once. It imports what is heavy only when a command asks for it, so that help and mistakes are said at once.
 */
import type { Environment } from '../src/environment/environment.ts';
import { hostOf } from './clients/address.ts';
import type { Given } from './command.ts';
import type { GlobalOptions } from './program.ts';
import { readSettings } from './settings.ts';
import { openTerminal } from './terminal/terminal.ts';

const HOST_DEFAULT = 'http://localhost:7071';

/** Remembers what `open` gives. */
function once<T>(open: () => Promise<T>): () => Promise<T> {
  let opened: Promise<T> | undefined;
  return () => (opened ??= open());
}

export function given(program: string, options: GlobalOptions, signal: AbortSignal): Given {
  const settings = once(() => readSettings(process.env));
  const access = async () => {
    const { ORDINAL_HOST, ORDINAL_HOST_KEY, ORDINAL_HOST_CODE, ORDINAL_HOST_SCOPE } = await settings();
    const key = options.key ?? ORDINAL_HOST_KEY;
    const code = options.code ?? ORDINAL_HOST_CODE;
    const to = {
      host: hostOf(options.host ?? ORDINAL_HOST ?? HOST_DEFAULT),
      scope: options.scope ?? ORDINAL_HOST_SCOPE,
    };
    // The master key is both: so either one stands for the other that is not given.
    return { app: { ...to, key: key ?? code }, durable: { ...to, key: code ?? key } };
  };
  // Not before: a pipeline that is refused is then an error like others, said in two lines.
  const project = once(async () => (await import('./app-pipelines.ts')).loadAppPipelines(process.cwd()));
  const pipelines = once<Environment['pipelines']>(async () => (await project()).pipelines);
  return {
    program,
    settings,
    pipelines,
    app: once(async () => new (await import('./clients/app-client.ts')).AppClient((await access()).app)),
    durable: once(
      async () => new (await import('./clients/durable-host.ts')).DurableHost((await access()).durable, signal),
    ),
    environment: once(async () => {
      const { openEnvironment } = await import('../src/environment/open-environment.ts');
      const { mergeSettings } = await import('../src/environment/app-settings.ts');
      return openEnvironment(mergeSettings((await project()).settings, await settings()), await pipelines());
    }),
    terminal: openTerminal({ json: options.json === true }),
    json: options.json === true,
    signal,
  };
}
