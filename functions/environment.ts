/** The process's environment, opened at first use: an app that cannot reach its storage still answers with an error. */
import { pipelines } from '../pipelines/index.ts';
import { type Environment, openEnvironment } from '../src/environment/environment.ts';

export { pipelines };

let opened: Environment | undefined;

export function environment(): Environment {
  opened ??= openEnvironment(process.env, pipelines);
  return opened;
}
