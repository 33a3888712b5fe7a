/**
 * What a command of `npm run ordinal` is given and what it returns: lines for people and a value for programs. Every
 * command in this folder uses these two types. It holds no code.
 */
import type { Environment } from '../src/environment/environment.ts';
import type { Host } from './host.ts';

export interface Given {
  environment: Environment;
  host: Host;
}

export interface Result {
  lines: string[];
  value: unknown;
  /** False when what was looked at is not in order. @default true */
  ok?: boolean;
}
