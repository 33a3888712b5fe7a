/**
 * How a command is declared, what it is given and what it returns. Every file of `commands/` declares commands with
 * `defineCommand`, and `program.ts` makes the program of them. It must not know any command.
 *
 * To add a command: declare it in a file of `commands/`, and add it to the list in `commands/index.ts`. Help, docs/cli.md,
 * `--json`, exit codes and suggestions follow from the declaration; `npm run docs:cli` writes the page anew.
 */
import type { Command } from '@commander-js/extra-typings';
import type { Environment } from '../src/environment/environment.ts';
import type { AppClient } from './clients/app-client.ts';
import type { DurableHost } from './clients/durable-host.ts';
import type { Exit } from './exit-codes.ts';
import type { ShownPart } from './terminal/show.ts';
import type { Terminal } from './terminal/terminal.ts';

/** What a command works with, beside the project's own files; shown in help and docs. */
export type Need = 'app' | 'storage' | 'durable';

export const needs: Record<Need, string> = {
  app: 'the running app (`--host`, `--key`)',
  storage: 'the storage that the settings name',
  durable: 'the durable extension of the running app (`--host`, `--code`)',
};

/** What a command is given. Each part is opened at its first use, so a command pays only for what it needs. */
export interface Given {
  /** What users type before a command: `ordinal`, or `npm run ordinal --`. */
  program: string;
  /** The HTTP API of the running app. */
  app(): Promise<AppClient>;
  /** The durable HTTP API of the running host. */
  durable(): Promise<DurableHost>;
  /** The app's settings by name: the environment wins over `local.settings.json`. */
  settings(): Promise<Record<string, string | undefined>>;
  /** Settings, storage and pipelines. @throws OrdinalError `InvalidSettings`, `InvalidPipeline` */
  environment(): Promise<Environment>;
  /** The project's compiled pipelines, by name; needs no setting. @throws OrdinalError `InvalidPipeline` */
  pipelines(): Promise<Environment['pipelines']>;
  terminal: Terminal;
  /** Whether a program reads the answer (`--json`): then nothing is asked. */
  json: boolean;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
}

/** What a command comes to. */
export interface Result {
  /** What people read, on standard output. */
  show: readonly ShownPart[];
  /** What `--json` prints instead. */
  value: unknown;
  /** How the command ends. @default 'ok' */
  exit?: Exit;
  /** Printed as it is, instead of both: CSV, for example. */
  raw?: string;
}

// biome-ignore lint/suspicious/noExplicitAny: any arguments and options; what they are is inferred from the value
type Configured = Command<any, any, any>;
// biome-ignore lint/suspicious/noExplicitAny: as above
type ArgumentsOf<C> = C extends Command<infer Args, any, any> ? Args : [];
// biome-ignore lint/suspicious/noExplicitAny: as above
type OptionsOf<C> = C extends Command<any, infer Options, any> ? Options : Record<never, never>;

export interface CommandDefinition<C extends Configured> {
  /** Its words, as they are typed: `runs start`. */
  name: string;
  /** What it does, as an order in one line without a full stop: `Start a run`. */
  summary: string;
  needs: readonly Need[];
  /** More lines for its help and docs. */
  details?: string;
  /** Command lines without the program's name, and what each is for. */
  examples?: readonly (readonly [line: string, what: string])[];
  /** Adds arguments and options to an empty command; without it, it has none. */
  configure?: (command: Command) => C;
  work: (given: Given, options: OptionsOf<C>, ...args: ArgumentsOf<C>) => Promise<Result>;
}

/** A command of any arguments and options, as lists hold it. */
export type AnyCommand = Omit<CommandDefinition<Configured>, 'work'> & {
  work: (given: Given, options: never, ...args: never[]) => Promise<Result>;
};

/** Declares a command. Arguments and options of `work` are typed by what `configure` adds. */
export function defineCommand<C extends Configured = Command>(definition: CommandDefinition<C>): AnyCommand {
  return definition as unknown as AnyCommand;
}

/** Thrown by a command whose arguments do not go together: it is a mistake of the command line. */
export class UsageError extends Error {}
