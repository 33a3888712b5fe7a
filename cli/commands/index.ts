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
  runs: {
    about: 'Start runs, follow, end and look into them',
    load: async () => (await import('./runs.ts')).runCommands,
  },
  pipelines: {
    about: 'Show the pipelines of this project, and check files against them',
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
  verify: {
    about: 'Read again what runs read and published, and check every byte, ID, reference and value',
    load: async () => [(await import('./verify.ts')).verifyCommand],
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
