/**
 * Opens the environment over Azure Storage, once in each process. `src/registration/app-context.ts` and the command line
 * call it. It must do no I/O: settings that are wrong are said at once, and a storage that is away only when it is asked.
 */
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { openAzureStore } from '../storage/azure.ts';
import { parseConfig } from './config.ts';
import type { Environment } from './environment.ts';

/**
 * Reads the settings and opens the store. Makes no request.
 *
 * @param env environment variables by name.
 * @param pipelines the compiled pipelines, by name.
 * @throws OrdinalError `InvalidSettings` that names the setting.
 */
export function openEnvironment(
  env: Record<string, string | undefined>,
  pipelines: ReadonlyMap<string, CompiledPipeline>,
): Environment {
  const config = parseConfig(env);
  return { store: openAzureStore(config.storage), config, pipelines };
}
