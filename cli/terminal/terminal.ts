/**
 * The terminal that a command writes to: its width, its colours, progress and questions. `main.ts` opens it once. Colours
 * are written only to a terminal, and not when `NO_COLOR` is set; progress and questions go to standard error, so that
 * what a program reads from standard output is only the answer.
 */
import { createInterface } from 'node:readline/promises';
import { styleText } from 'node:util';
import { Progress } from './progress.ts';
import type { Paint, Tone } from './table.ts';

export interface Terminal {
  /** Columns of standard output; `Infinity` when it is no terminal. */
  room: number;
  /** Paints for standard output. */
  paint: Paint;
  /** Paints for standard error. */
  paintError: Paint;
  /** Progress on standard error; `undefined` where nobody would read it: with `--json`, when it is no terminal. */
  progress(): Progress | undefined;
  /** A line on standard error that is not part of the answer. */
  note(text: string): void;
  /** Asks; without a terminal on both sides nobody can answer, and the answer is no. */
  confirm(question: string, signal: AbortSignal): Promise<boolean>;
}

const formats = { good: 'green', bad: 'red', warning: 'yellow', dim: 'dim', strong: 'bold' } as const satisfies Record<
  Tone,
  string
>;

export function openTerminal({ json }: { json: boolean }): Terminal {
  const { stdin, stdout, stderr } = process;
  const painter =
    (stream: NodeJS.WriteStream): Paint =>
    (tone, text) =>
      styleText(formats[tone], text, { stream });
  return {
    room: stdout.isTTY ? stdout.columns || 80 : Number.POSITIVE_INFINITY,
    paint: painter(stdout),
    paintError: painter(stderr),
    progress: () => (json && !stderr.isTTY ? undefined : new Progress(stderr)),
    note: (text) => void (json || stderr.write(`${text}\n`)),
    confirm: async (question, signal) => {
      if (!stdin.isTTY || !stderr.isTTY) return false;
      const asked = createInterface({ input: stdin, output: stderr });
      try {
        return /^y(es)?$/i.test((await asked.question(`${question} [y/N] `, { signal })).trim());
      } finally {
        asked.close();
      }
    },
  };
}
