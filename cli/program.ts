/**
 * Makes the program, as commander parses it and as its help shows it, from the declared commands. `main.ts` runs it,
 * and docs/cli.md is made of the same declarations. It must not do any work itself.
 */
import type { Command as TypedCommand } from '@commander-js/extra-typings';
import { Command } from 'commander';
import { type AnyCommand, type Given, needs, type Result } from './command.ts';
import { commandFiles } from './commands/index.ts';
import { collected } from './parse.ts';

/** Options that every command has. */
export interface GlobalOptions {
  host?: string;
  key?: string;
  code?: string;
  scope?: string;
  json?: boolean;
}

/** What the program's own options come to. */
type Said = Omit<GlobalOptions, 'key'> & { key?: string[] };

/** Calls a command's work with what it is given, and shows its result. */
export type Perform = (options: GlobalOptions, work: (given: Given) => Promise<Result>) => Promise<void>;

/**
 * Makes the program. A wrong command line throws `CommanderError` and does not end the process.
 *
 * @param name what users type before a command.
 * @param version what `--version` prints.
 * @param commands those that were loaded; of all others only the first word is known.
 */
export function buildProgram(
  name: string,
  version: string,
  commands: readonly AnyCommand[],
  perform: Perform,
): Command {
  const program = new Command(name)
    .description('Starts and follows runs, and looks after pipelines, sequences and key indexes.')
    .version(version, '-V, --version', 'print the version')
    .exitOverride()
    .showHelpAfterError(`Run ${name} --help to see all commands.`)
    .option('--host <url>', 'the running app (ORDINAL_HOST; default http://localhost:7071)')
    .option('--key <key>', 'a function key of the app (ORDINAL_HOST_KEY); a local one needs none', collected)
    .option('--code <key>', 'a system key of the durable extension (ORDINAL_HOST_CODE), for what only it may do')
    .option('--scope <scope>', 'send an Entra token for this scope (ORDINAL_HOST_SCOPE)')
    .option('--json', 'print one JSON document for programs')
    .addHelpText('after', '\nExit codes and more: docs/cli.md. Without colours: NO_COLOR=1.');
  for (const [word, { about }] of Object.entries(commandFiles)) {
    const own = commands.filter((each) => each.name.split(' ')[0] === word);
    const alone = own.find((each) => each.name === word);
    if (alone) {
      addCommand(program, program, alone, perform);
      continue;
    }
    const group = program.command(word).description(about).exitOverride();
    for (const command of own) addCommand(program, group, command, perform);
  }
  return program;
}

function addCommand(
  program: Command,
  parent: Command,
  { name, summary, details, examples, needs: needed, configure, work }: AnyCommand,
  perform: Perform,
): void {
  const made = new Command(name.split(' ').at(-1)).description(summary).exitOverride();
  configure?.(made as TypedCommand);
  const lines = [
    ...(details ? [details] : []),
    ...(examples ?? []).map(([line, what]) => `  ${program.name()} ${line}\n      ${what}`),
    ...(needed.length > 0 ? [`Needs ${needed.map((need) => needs[need]).join(', ')}.`.replaceAll('`', '')] : []),
  ];
  if (lines.length > 0) made.addHelpText('after', `\n${lines.join('\n')}`);
  made.action((...given: unknown[]) => {
    // Commander hands over the arguments, then the options, then the command.
    const args = given.slice(0, -2) as never[];
    const { key = [], ...options } = program.opts<Said>();
    const own = given.at(-2) as object;
    // Commander takes an option of the program for the program, wherever it stands. A command that has one of this name
    // means its own.
    if (made.options.some((option) => option.attributeName() === 'key'))
      return perform(options, (of) => work(of, { ...own, key } as never, ...args));
    const last = key.at(-1);
    return perform({ ...options, ...(last !== undefined && { key: last }) }, (of) => work(of, own as never, ...args));
  });
  parent.addCommand(made);
}
