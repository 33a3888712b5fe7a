/**
 * The environment of this process: settings, store and pipelines. The other files of this folder ask for it. It is
 * opened at the first use and not at load, so that an app whose storage is not configured still starts and answers with
 * an error.
 */
import { pipelines } from '../pipelines/index.ts';
import { type Environment, openEnvironment } from '../src/environment/environment.ts';

export { pipelines };

let opened: Environment | undefined;

/**
 * The environment of this process, opened at the first call.
 *
 * @throws OrdinalError `InvalidSettings` that names the setting; the next call tries again.
 */
export function environment(): Environment {
  opened ??= openEnvironment(process.env, pipelines);
  return opened;
}
