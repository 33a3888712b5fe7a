/**
 * Makes the parts of `docs/cli.md` that are said by the code: every command with its arguments and options, and the exit
 * codes. `npm run docs:cli` writes them between the marks of the page, and a test compares. It must never say what the
 * declarations do not say.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import type { AnyCommand, needs } from '../cli/command.ts';
import { allCommands } from '../cli/commands/index.ts';
import { exitCodes } from '../cli/exit-codes.ts';
import { buildProgram } from '../cli/program.ts';

const page = path.join(fileURLToPath(new URL('..', import.meta.url)), 'docs/cli.md');

const inCell = (text: string) => text.replaceAll('|', '\\|').replace(/\s+/g, ' ');
const short: Record<keyof typeof needs, string> = {
  app: 'the app',
  storage: 'the storage',
  durable: 'the durable extension',
};

/** The command as commander has it: it knows arguments and options. */
function made(program: Command, name: string): Command {
  const found = name
    .split(' ')
    .reduce<Command | undefined>((parent, word) => parent?.commands.find((each) => each.name() === word), program);
  if (!found) throw new Error(`the program has no command "${name}"`);
  return found;
}

const argumentsOf = (command: Command) =>
  command.registeredArguments
    .map((one) => (one.required ? `<${one.name()}${one.variadic ? '...' : ''}>` : `[${one.name()}]`))
    .join(' ');

/** A section of one command. */
function section(program: Command, definition: AnyCommand): string[] {
  const { name, summary, details, examples = [], needs: needed } = definition;
  const command = made(program, name);
  const usage = [name, argumentsOf(command)].filter((part) => part !== '').join(' ');
  const wants = needed.length > 0 ? ` Needs ${needed.map((need) => short[need]).join(' and ')}.` : '';
  const rows = [
    ...command.registeredArguments.map((one) => [
      one.required ? `<${one.name()}>` : `[${one.name()}]`,
      one.description,
    ]),
    ...command.options.map((option) => {
      const must = option.mandatory ? ' (must be given)' : '';
      const byDefault =
        option.defaultValue === undefined ||
        typeof option.defaultValue === 'boolean' ||
        String(option.defaultValue) === ''
          ? ''
          : ` (${option.defaultValue})`;
      return [option.flags, `${option.description}${must}${byDefault}`];
    }),
  ];
  return [
    `### \`${usage}\``,
    '',
    `${summary}.${details ? ` ${details}` : ''}${wants}`,
    '',
    ...(rows.length > 0
      ? ['| | |', '| --- | --- |', ...rows.map(([what, text]) => `| \`${inCell(what!)}\` | ${inCell(text!)} |`), '']
      : []),
    ...(examples.length > 0
      ? ['```sh', ...examples.map(([line, what]) => `ordinal ${line}   # ${what}`), '```', '']
      : []),
  ];
}

/** The text of each marked part, by its name. */
export async function parts(): Promise<Record<'options' | 'commands' | 'exit-codes', string>> {
  const commands = await allCommands();
  const program = buildProgram('ordinal', '0.0.0', commands, async () => {});
  return {
    options: [
      '| | |',
      '| --- | --- |',
      ...program.options.map((one) => `| \`${one.flags}\` | ${inCell(one.description)} |`),
    ].join('\n'),
    commands: commands
      .flatMap((definition) => section(program, definition))
      .join('\n')
      .trimEnd(),
    'exit-codes': [
      '| code | means |',
      '| --: | --- |',
      ...Object.values(exitCodes).map(({ code, means }) => `| ${code} | ${inCell(means)} |`),
    ].join('\n'),
  };
}

/** The page with its marked parts made anew. */
export async function renderPage(text: string): Promise<string> {
  return Object.entries(await parts()).reduce((whole, [name, part]) => {
    const [begin, end] = [`<!-- ${name}: npm run docs:cli -->`, `<!-- end of ${name} -->`];
    const [from, to] = [whole.indexOf(begin), whole.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`docs/cli.md has no marks for ${name}`);
    return `${whole.slice(0, from + begin.length)}\n${part}\n${whole.slice(to)}`;
  }, text);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(page, await renderPage(readFileSync(page, 'utf8')));
}
