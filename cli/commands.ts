/**
 * The commands of `npm run ordinal`, as commander parses them and as the help shows them. `main.ts` runs the program.
 * This file holds only names, arguments and options; what a command does is in a file of its own.
 */
import { Command } from 'commander';
import type { Given, Result } from './command.ts';
import { acceptPipeline, rebuildKeys } from './pipelines.ts';
import { cleanRun, listRuns, showRun } from './runs.ts';
import {
  exportSequence,
  importSequence,
  listSequences,
  raiseSequence,
  rebuildSequence,
  showSequence,
} from './sequences.ts';
import { repairDelta, type SqlChoice, sql } from './tables.ts';
import { type VerifyChoice, verify } from './verify.ts';

/** Options that every command has. */
export interface GlobalOptions {
  host?: string;
  code?: string;
  json?: boolean;
}

/**
 * Makes the program. A wrong command line throws `CommanderError` and does not end the process.
 *
 * @param perform opens what the command works with, calls it, and shows its result.
 */
export function buildProgram(
  perform: (options: GlobalOptions, work: (given: Given) => Promise<Result>) => Promise<void>,
): Command {
  const program = new Command('npm run ordinal --')
    .description('Looks after runs, sequences and key indexes.')
    .exitOverride()
    .option('--host <url>', 'the running host that orchestrations go to')
    .option('--code <key>', 'a system key of the durable extension; a local host needs none')
    .option('--json', 'print a value for programs');
  const run = (work: (given: Given) => Promise<Result>) => perform(program.opts<GlobalOptions>(), work);

  program
    .command('verify')
    .argument('[run]', 'a run ID')
    .option('--all', 'all runs')
    .option('--no-source', 'do not read the sources again')
    .description('read again what runs read and published, and check it')
    .action((runId: string | undefined, choice: VerifyChoice) => run((given) => verify(given, runId, choice)));

  program
    .command('sql')
    .argument('<entity>', 'an entity, or PIPELINE.ENTITY')
    .option('--engine <engine>', 'duckdb, synapse or spark', 'duckdb')
    .option('--as-of <run>', 'what had been published when this run had')
    .option('--at <place>', 'where the containers are, such as a folder of copies')
    .description('print the view of its current rows')
    .action((entity: string, choice: SqlChoice) => run((given) => sql(given, entity, choice)));
  program
    .command('delta')
    .description('Delta tables')
    .command('repair <pipeline>')
    .option('--anew', 'make the logs anew, whatever they say')
    .description("make up what a pipeline's tables lack, and make damaged logs anew")
    .action((name: string, choice: { anew?: boolean }) => run((given) => repairDelta(given, name, choice)));

  const runs = program.command('runs').description('runs that have published or were abandoned');
  runs
    .command('list')
    .description('all of them')
    .action(() => run(listRuns));
  runs
    .command('show <run>')
    .description('the manifest of a run')
    .action((runId: string) => run((given) => showRun(given, runId)));
  runs
    .command('clean <run>')
    .description("remove an ended run's work in progress")
    .action((runId: string) => run((given) => cleanRun(given, runId)));

  const sequences = program.command('sequences').description('sequences of IDs');
  sequences
    .command('list')
    .description('all of them')
    .action(() => run(listSequences));
  sequences
    .command('show <sequence>')
    .description('where a sequence is')
    .action((name: string) => run((given) => showSequence(given, name)));
  sequences
    .command('export <sequence>')
    .option('--file <path>', 'write it to this file')
    .description('its whole state')
    .action((name: string, { file }: { file?: string }) => run((given) => exportSequence(given, name, file)));
  sequences
    .command('import <sequence>')
    .requiredOption('--file <path>', 'what an export wrote')
    .description('put an exported state in place')
    .action((name: string, { file }: { file: string }) => run((given) => importSequence(given, name, file)));
  sequences
    .command('rebuild <sequence>')
    .description('put its state in place as the manifests tell it')
    .action((name: string) => run((given) => rebuildSequence(given, name)));
  sequences
    .command('raise <sequence>')
    .requiredOption('--to <id>', 'the last ID that is taken')
    .description('give no ID up to this one any more: for IDs that exist already')
    .action((name: string, { to }: { to: string }) => run((given) => raiseSequence(given, name, to)));

  program
    .command('keys')
    .description('key indexes')
    .command('rebuild <index>')
    .description('make a key index anew, from published files')
    .action((index: string) => run((given) => rebuildKeys(given, index)));
  program
    .command('pipelines')
    .description('registered pipelines')
    .command('accept <pipeline>')
    .description('accept a change that contradicts earlier runs')
    .action((name: string) => run((given) => acceptPipeline(given, name)));
  return program;
}
