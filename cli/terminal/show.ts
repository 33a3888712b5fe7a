/**
 * What a command shows to people, as parts: lines, facts and tables; and how they become text. Commands return parts,
 * and `main.ts` prints them. It decides no width and no colour: the terminal does.
 */
import { type Cell, type Column, type Paint, renderTable, type Tone } from './table.ts';
import { plain } from './text.ts';

export type ShownPart =
  /** A line, or several. Text from outside must have gone through `plain`. */
  | string
  | { line: string; tone: Tone }
  /** Names and what they are, one to a line. Values are never shortened, so that they can be copied. */
  | { facts: readonly (readonly [name: string, value: Cell])[] }
  | { columns: readonly Column[]; rows: readonly (readonly Cell[])[] /** Shown when there is no row. */; none: string };

/** The lines of all parts; an empty line stands between a table and what is beside it. */
export function renderParts(parts: readonly ShownPart[], { room, paint }: { room: number; paint: Paint }): string[] {
  const lines: string[] = [];
  for (const [p, part] of parts.entries()) {
    const made = renderPart(part, room, paint);
    const apart = isBlock(part) || isBlock(parts[p - 1]);
    const isSpaced = lines.at(-1) === '' || made[0] === '';
    if (p > 0 && apart && made.length > 0 && lines.length > 0 && !isSpaced) lines.push('');
    lines.push(...made);
  }
  return lines;
}

const isBlock = (part: ShownPart | undefined) => typeof part === 'object' && !('line' in part);

function renderPart(part: ShownPart, room: number, paint: Paint): string[] {
  if (typeof part === 'string') return part.split('\n');
  if ('line' in part) return [paint(part.tone, plain(part.line))];
  if ('facts' in part) {
    const width = Math.max(...part.facts.map(([name]) => name.length));
    return part.facts.map(([name, value]) => {
      const text = typeof value === 'string' ? plain(value) : paint(value.tone, plain(value.text));
      return `${paint('dim', name.padEnd(width))}  ${text}`;
    });
  }
  if (part.rows.length === 0) return part.none === '' ? [] : [part.none];
  return renderTable(part.columns, part.rows, { room, paint });
}
