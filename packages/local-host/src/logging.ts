/**
 * The host's log: one line for each event, as text for people or as JSON for programs. The host, the server and the
 * workers write through it. Levels that host.json switches off must not be written.
 */
import { azureCategory, type LogLevels, leastLevel } from './log-levels.ts';
import type { FromWorker, LogLevel } from './worker/protocol.ts';

export type { LogLevel };

export interface LogFields {
  [name: string]: unknown;
}

/** Writes one line per event: text for people (coloured on a terminal), or JSON. */
export interface Logger {
  log(level: LogLevel, category: string, message: string, fields?: LogFields): void;
  fromWorker(message: Extract<FromWorker, { type: 'log' }>): void;
  /** A line of the start-up banner; not written in JSON mode, where `event` carries the same. */
  print(line: string): void;
  /** Sets the levels of `logging.logLevel` of host.json from now on. */
  setLevels(levels: LogLevels): void;
  /** A machine-readable event; written in JSON mode only. */
  event(name: string, fields: LogFields): void;
}

const ranks: Record<LogLevel, number> = { trace: 0, debug: 1, information: 2, warning: 3, error: 4, critical: 5 };
const colours: Record<LogLevel, string> = {
  trace: '90',
  debug: '90',
  information: '37',
  warning: '33',
  error: '31',
  critical: '31',
};

export interface LoggerOptions {
  json: boolean;
  colour: boolean;
  /** Least level that is written. */
  level: LogLevel;
  write: (text: string) => void;
  now: () => number;
}

export function createLogger(options: LoggerOptions): Logger {
  const { json, colour, write } = options;
  const time = () => new Date(options.now()).toISOString();
  let levels: LogLevels = new Map([['default', options.level]]);
  const passes = (level: LogLevel, category: string) => {
    const least = leastLevel(levels, category);
    return least !== 'none' && (ranks[level] ?? ranks.information) >= ranks[least];
  };
  const writeLine = (level: LogLevel, category: string, message: string, fields: LogFields = {}) => {
    if (json) {
      write(`${JSON.stringify({ event: 'log', time: time(), level, category, message, ...fields })}\n`);
      return;
    }
    const text = `[${time()}] ${category}: ${message}`;
    write(colour ? `\u001b[${colours[level] ?? '37'}m${text}\u001b[0m\n` : `${text}\n`);
  };
  return {
    log: (level, category, message, fields) => {
      if (passes(level, azureCategory(category, undefined))) writeLine(level, category, message, fields);
    },
    setLevels: (given) => {
      levels = given;
    },
    fromWorker: ({ level, category, message, functionName, invocationId }) => {
      // Messages about the programming model's own work help only those who debug the host.
      const seen = category === 'system' && level === 'information' ? 'debug' : level;
      if (!passes(seen, azureCategory(category, functionName))) return;
      writeLine(seen, functionName ?? category, message, invocationId === undefined ? {} : { invocationId });
    },
    print: (line) => {
      if (!json) write(`${line}\n`);
    },
    event: (name, fields) => {
      if (json) write(`${JSON.stringify({ event: name, time: time(), ...fields })}\n`);
    },
  };
}
