/**
 * `local-host host`, the host alone: it starts the host and stops it on Ctrl-C. `local-host`
 * and tests run it as a child process. The first signal lets running work end; a second signal stops at once, and no
 * state is lost.
 */
import { writeFileSync } from 'node:fs';
import { readyLines } from './banner.ts';
import { endWithParent } from './child.ts';
import { type CliOptions, parseCli, UsageError, usage } from './cli.ts';
import { type RunningHost, runHost } from './host.ts';
import { createLogger, type Logger } from './logging.ts';

async function main(): Promise<number | undefined> {
  let options: CliOptions;
  try {
    options = parseCli(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\n${usage}\n`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  const logger = createLogger({
    json: options.jsonLogs,
    colour:
      process.env.NO_COLOR === undefined && (process.stdout.isTTY === true || process.env.FORCE_COLOR !== undefined),
    level: options.verbose ? 'debug' : 'information',
    write: (text) => process.stdout.write(text),
    now: () => Date.now(),
  });
  try {
    const host = await runHost(options, logger);
    // Set up before anybody is told that the host is ready and may be stopped.
    stopOnSignals(host, logger);
    announce(host, options, logger);
    return undefined;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    logger.event('failed', { message });
    process.stderr.write(`${message}\n`);
    return 1;
  }
}

function announce(host: RunningHost, options: CliOptions, logger: Logger): void {
  logger.event('ready', { url: host.url, pid: process.pid, state: options.state });
  logger.print(`Ready at ${host.url} (state: ${options.state}). Press Ctrl-C to stop.`);
  for (const line of readyLines(options.scriptRoot, host.url)) logger.print(line);
  if (options.readyFile !== undefined) {
    writeFileSync(options.readyFile, JSON.stringify({ url: host.url, pid: process.pid }));
  }
}

/** The first signal lets running work end; a second signal stops at once. The state survives both. */
function stopOnSignals(host: RunningHost, logger: Logger): void {
  let stopping = false;
  const stop = (signal: string) => {
    if (stopping) process.exit(130);
    stopping = true;
    logger.log('information', 'host', `${signal}: waiting for running work to end. Send it again to stop at once.`);
    host.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${error}\n`);
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop(signal));
}

endWithParent();
const code = await main();
if (code !== undefined) process.exit(code);
