import { OrdinalError } from '../src/errors.ts';
import type { Given } from './command.ts';

/** The one operand that a command needs. */
export function operand({ operands }: Pick<Given, 'operands'>, what: string): string {
  const [given, ...more] = operands;
  if (given !== undefined && more.length === 0) return given;
  throw new OrdinalError('InvalidRequest', `give one ${what}`, { remedy: 'See npm run ordinal -- --help.' });
}

/** Rows of texts, in columns. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, c) => Math.max(...rows.map((row) => row[c]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, c) => cell.padEnd(widths[c]!))
      .join('  ')
      .trimEnd(),
  );
}
