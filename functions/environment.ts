/**
 * The process's environment, opened at first use: an app that cannot reach its storage still answers with an error. The
 * other files here call it. It must never be kept by a module: tests and workers have their own.
 */
import { pipelines } from '../pipelines/index.ts';
import { type Environment, openEnvironment } from '../src/environment/environment.ts';

export { pipelines };

let opened: Environment | undefined;

export function environment(): Environment {
  opened ??= openEnvironment(process.env, pipelines);
  return opened;
}
