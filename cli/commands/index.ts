/**
 * The list of all commands, in the order in which help and docs/cli.md show them. `main.ts` and the tools read it. A
 * command that is not in this list is not there.
 */
import type { AnyCommand } from '../command.ts';
import { doctorCommand } from './doctor.ts';
import { keyCommands } from './keys.ts';
import { pipelineCommands } from './pipelines.ts';
import { runCommands } from './runs.ts';
import { sequenceCommands } from './sequences.ts';
import { verifyCommand } from './verify.ts';

export const commands: readonly AnyCommand[] = [
  ...runCommands,
  ...pipelineCommands,
  ...sequenceCommands,
  ...keyCommands,
  verifyCommand,
  doctorCommand,
];
