/**
 * All commands by their first word, in the order in which help and docs/cli.md show them. `main.ts` loads the file of the
 * word that was typed, and no other, so that help and mistakes are said at once. A command that is not here is not there.
 */
import type { AnyCommand } from '../command.ts';

/** A group of commands, or one command that stands alone. */
export interface CommandFile {
  /** What the help of the program says of it; for one that stands alone, its summary. */
  about: string;
  load(): Promise<readonly AnyCommand[]>;
}

export const commandFiles: Readonly<Record<string, CommandFile>> = {
  init: {
    about: 'Write a thin app into a new folder: an example pipeline, its test, settings, a deployment',
    load: async () => [(await import('./init.ts')).initCommand],
  },
  new: {
    about: 'Write a pipeline from a Parquet file',
    load: async () => [(await import('./new-pipeline.ts')).newPipelineCommand],
  },
  try: {
    about: 'Run a pipeline in memory over local Parquet files, and show what each entity gets',
    load: async () => [(await import('./try.ts')).tryCommand],
  },
  dev: {
    about: 'Try a pipeline again at each save: of its module, or of the Parquet files',
    load: async () => [(await import('./dev.ts')).devCommand],
  },
  runs: {
    about: 'Start runs, follow, end and look into them',
    load: async () => (await import('./runs.ts')).runCommands,
  },
  backfill: {
    about: 'Read a big source by many runs, in order and a few at once',
    load: async () => (await import('./backfill.ts')).backfillCommands,
  },
  pipelines: {
    about: 'Show the pipelines of this project, check files against them, upload files',
    load: async () => (await import('./pipelines.ts')).pipelineCommands,
  },
  sequences: {
    about: 'Look after sequences of IDs',
    load: async () => (await import('./sequences.ts')).sequenceCommands,
  },
  keys: {
    about: 'Look after key indexes: natural key to ID',
    load: async () => (await import('./keys.ts')).keyCommands,
  },
  ledger: {
    about: 'Look after ledgers: which versions of source blobs a pipeline has read',
    load: async () => (await import('./ledger.ts')).ledgerCommands,
  },
  verify: {
    about: 'Read again what runs read and published, and check every byte, ID, reference and value',
    load: async () => [(await import('./verify.ts')).verifyCommand],
  },
  sql: {
    about: 'Print the view of an entity: its current rows, from published files only',
    load: async () => [(await import('./tables.ts')).sqlCommand],
  },
  delta: {
    about: 'Look after Delta tables',
    load: async () => (await import('./tables.ts')).deltaCommands,
  },
  doctor: {
    about: 'Look at settings, storage, roles, triggers and versions; say what is wrong and how to mend it',
    load: async () => [(await import('./doctor.ts')).doctorCommand],
  },
};

/** Every command. */
export async function allCommands(): Promise<AnyCommand[]> {
  return (await Promise.all(Object.values(commandFiles).map((file) => file.load()))).flat();
}
