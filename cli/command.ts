/** What a command is given, and what it gives. */
import type { Environment } from '../src/environment/environment.ts';
import type { Host } from './host.ts';

export interface Given {
  environment: Environment;
  host: Host;
  operands: string[];
  file: string | undefined;
  /** The last ID that is taken, as decimal text. */
  to: string | undefined;
  all: boolean;
  /** Verify without reading sources again. */
  noSource: boolean;
}

export interface Result {
  lines: string[];
  value: unknown;
  /** False when what was looked at is not in order. @default true */
  ok?: boolean;
}

export interface Command {
  words: string[];
  operands: string;
  does: string;
  run(given: Given): Promise<Result>;
}
