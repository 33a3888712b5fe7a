#!/usr/bin/env node
/**
 * The command `ordinal`: it parses the command line, runs the command, prints its result and ends with its exit code. It
 * is the only file of `cli/` that writes an answer or sets the exit code.
 */
import { enableCompileCache } from 'node:module';
import { CommanderError } from 'commander';
import { ownVersion } from '../src/environment/version.ts';
import { type ErrorLocation, OrdinalError, toErrorValue } from '../src/errors.ts';
import { type Result, UsageError } from './command.ts';
import { allCommands, commandFiles } from './commands/index.ts';
import { type Exit, exitAfter, exitCodes } from './exit-codes.ts';
import { given } from './given.ts';
import { buildProgram, type GlobalOptions } from './program.ts';
import { suggestCommands } from './suggest.ts';
import { renderParts } from './terminal/show.ts';
import { plain } from './terminal/text.ts';

enableCompileCache?.();
const valued = ['--host', '--key', '--code', '--scope'];
const word = process.argv
  .slice(2)
  .find((each, i, all) => Object.hasOwn(commandFiles, each) && !valued.includes(all[i - 1] ?? ''));
const commands = (await commandFiles[word ?? '']?.load()) ?? [];

const interrupt = new AbortController();
process.once('SIGINT', () => {
  interrupt.abort(new Error('ended by Ctrl-C'));
  // Whoever asks twice does not want to wait for the end of a request.
  process.once('SIGINT', () => process.exit(exitCodes.interrupted.code));
});
// Whoever reads the output has gone, as `head` does.
process.stdout.on('error', () => process.exit(exitCodes.ok.code));

const started: Record<string, string> = { ordinal: 'npm run ordinal --', npx: 'npx ordinal' };
const name = started[process.env.npm_lifecycle_event ?? ''] ?? 'ordinal';
const json = process.argv.includes('--json');

const program = buildProgram(name, ownVersion(), commands, async (options: GlobalOptions, work) => {
  const of = given(name, options, interrupt.signal);
  const result = await work(of);
  print(result, options.json === true, of);
  end(result.exit ?? 'ok');
});

function print({ show, value, raw }: Result, asJson: boolean, { terminal }: ReturnType<typeof given>): void {
  if (asJson) process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
  else if (raw !== undefined) process.stdout.write(raw);
  else for (const line of renderParts(show, terminal)) process.stdout.write(`${line}\n`);
}

function end(exit: Exit): void {
  process.exitCode = exitCodes[exit].code;
}

/** Says what went wrong: to people on standard error, to programs as the document on standard output. */
async function fail(thrown: unknown): Promise<void> {
  if (interrupt.signal.aborted) {
    if (json) sayJson('Interrupted', 'ended by Ctrl-C');
    else process.stderr.write('Ended by Ctrl-C.\n');
    end('interrupted');
    return;
  }
  if (thrown instanceof CommanderError) {
    // Commander has said what is wrong, or shown its help.
    if (thrown.exitCode === 0) return;
    if (thrown.code === 'commander.unknownCommand' && !thrown.message.includes('Did you mean')) await suggest();
    const said = thrown.code === 'commander.help' ? 'no command is given' : thrown.message.replace(/^error: /, '');
    if (json) sayJson('InvalidRequest', said);
    end('usage');
    return;
  }
  if (thrown instanceof UsageError) {
    process.stderr.write(`error: ${thrown.message}\n`);
    if (json) sayJson('InvalidRequest', thrown.message);
    end('usage');
    return;
  }
  const { code, message, remedy, where } = toErrorValue(thrown);
  const known = thrown instanceof OrdinalError;
  if (json) sayJson(code, message, remedy, where);
  else {
    const lines = [known ? `${code}: ${message}` : message, placeOf(where), remedy];
    for (const line of lines) if (line) process.stderr.write(`${plain(line)}\n`);
  }
  end(known ? exitAfter(code) : 'failed');
}

/** Where in a file it was found. What is no place in a file, the message says. */
function placeOf({ blob, rowGroup, row }: ErrorLocation = {}): string | undefined {
  if (rowGroup === undefined && row === undefined) return undefined;
  const group = rowGroup === undefined ? [] : [`row group ${rowGroup}`];
  const places = [blob, ...group, row === undefined ? undefined : `row ${row}`];
  return `Where: ${places.filter((place) => place !== undefined).join(', ')}`;
}

function sayJson(code: string, message: string, remedy?: string, where?: object): void {
  const error = { code, message, ...(where && { where }), ...(remedy && { remedy }) };
  process.stdout.write(`${JSON.stringify({ error }, null, 2)}\n`);
}

async function suggest(): Promise<void> {
  const meant = suggestCommands(
    process.argv.slice(2),
    (await allCommands()).map((each) => each.name),
  );
  if (meant.length > 0) process.stderr.write(`Did you mean ${meant.map((one) => `"${one}"`).join(' or ')}?\n`);
}

try {
  await program.parseAsync();
} catch (thrown) {
  await fail(thrown);
}
