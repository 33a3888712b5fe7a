/**
 * Splits, numbers and verifies three million real flights, from nothing to nothing: starts Azurite and the local
 * host, runs the `flights` pipeline twice over HTTP, verifies what was published, and stops what it started.
 *
 *   npm run demo -- [--json FILE] [--keep]
 *
 * Exits with 0 when all checks hold, 1 when one fails or a run does, 2 for wrong arguments, 128 + n for signal n.
 */
import { writeFile } from 'node:fs/promises';
import { availableParallelism, constants } from 'node:os';
import { parseArgs } from 'node:util';
import { bytes, seconds } from '../cli/terminal/text.ts';
import { DemoBlobs } from './blobs.ts';
import { type RunFigures, runDemo } from './demo.ts';
import { DemoError } from './errors.ts';
import { textTable } from './report.ts';
import { startServices } from './services.ts';
import { Interrupted, runSession, type SessionResult } from './session.ts';

const usage = 'usage: npm run demo -- [--json FILE] [--keep]';

function parse(): { json?: string; keep: boolean } | undefined {
  try {
    const { values } = parseArgs({ options: { json: { type: 'string' }, keep: { type: 'boolean', default: false } } });
    return { keep: values.keep, ...(values.json !== undefined && { json: values.json }) };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n${usage}`);
    return undefined;
  }
}

/** The exit code of a session that ended with this error, after saying what happened. */
function reportFailure({ error, troubles }: SessionResult): number {
  if (error instanceof Interrupted) {
    console.error(`\n${error.message}`);
    return 128 + constants.signals[error.signal];
  }
  const text = error instanceof DemoError ? error.message : error instanceof Error ? error.stack : String(error);
  console.error(`\nThe demo failed: ${text}`);
  for (const trouble of troubles) if (!text?.includes(trouble)) console.error(`  host: ${trouble}`);
  return 1;
}

function showProcesses(session: SessionResult): void {
  const rows = session.processes.map((one) => [
    one.name,
    String(one.pid),
    one.peakBytes === undefined ? 'unknown' : bytes(one.peakBytes),
  ]);
  console.log(`\n${textTable(['process', 'pid', 'peak memory'], rows, ['pid', 'peak memory'])}`);
}

/** Writes the figures as JSON. Says so and returns false when the file cannot be written. */
async function writeFigures(
  file: string,
  ok: boolean,
  totalMs: number,
  { processes }: SessionResult,
  runs: Partial<RunFigures>[],
): Promise<boolean> {
  const machine = { node: process.version, platform: process.platform, cores: availableParallelism() };
  try {
    await writeFile(file, `${JSON.stringify({ ok, totalMs, machine, processes, runs }, null, 2)}\n`);
    return true;
  } catch (error) {
    console.error(`\nThe figures were not written: ${error instanceof Error ? error.message : error}`);
    return false;
  }
}

async function main(): Promise<number> {
  const options = parse();
  if (!options) return 2;
  const startedAt = performance.now();
  const runs: Partial<RunFigures>[] = [];
  let allHold = false;
  const session = await runSession({
    start: startServices,
    keep: options.keep,
    work: async (services, { folder, signal }) => {
      const blobs = new DemoBlobs(services.connectionString);
      allHold = await runDemo({ host: services.host, blobs, folder, out: process.stdout, signal }, runs);
    },
  });
  const code = session.error === undefined ? (allHold ? 0 : 1) : reportFailure(session);
  const totalMs = performance.now() - startedAt;
  showProcesses(session);
  if (options.keep) console.log(`\nThe published files are in ${session.folder}`);
  const written = options.json === undefined || (await writeFigures(options.json, code === 0, totalMs, session, runs));
  const checks = runs.flatMap((run) => run.checks ?? []);
  const failed = checks.filter((check) => !check.ok).length;
  const outcome = code === 0 ? 'all hold' : failed > 0 ? `${failed} FAILED` : 'the demo did not complete';
  console.log(`\n${checks.length} checks, ${outcome}; ${seconds(totalMs)} in all.`);
  return written ? code : 1;
}

// Whoever reads the output has gone, as `head` does: end at once, which ends what was started.
process.stdout.on('error', () => process.exit(1));
process.exitCode = await main();
