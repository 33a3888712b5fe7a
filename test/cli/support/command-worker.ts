/**
 * The command in a thread that stays: `command.ts` sends it one command line after the other. The command's own module is
 * run anew for each, and what it imports is loaded once.
 */
import { parentPort } from 'node:worker_threads';

export interface CommandLine {
  args: readonly string[];
  env: Record<string, string>;
}

const main = new URL('../../../cli/main.ts', import.meta.url).href;
const said = { stdout: '', stderr: '' };
for (const name of ['stdout', 'stderr'] as const) {
  const stream = process[name];
  // Each command listens to it.
  stream.setMaxListeners(0);
  stream.write = (chunk: string | Uint8Array) => {
    said[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
    return true;
  };
}
process.setMaxListeners(0);

let commands = 0;
parentPort!.on('message', async ({ args, env }: CommandLine) => {
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, env);
  process.argv.splice(1, Infinity, new URL(main).pathname, ...args);
  process.exitCode = 0;
  Object.assign(said, { stdout: '', stderr: '' });
  await import(`${main}?command=${++commands}`);
  parentPort!.postMessage({ code: process.exitCode, ...said });
});
