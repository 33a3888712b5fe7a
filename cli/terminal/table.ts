/**
 * Tables in plain text, drawn by cli-table3. The command and the demo print them. A table that is wider than the
 * terminal is fitted to it: long cells are shortened, and columns that matter least are left out and named below.
 */
import Table from 'cli-table3';
import stringWidth from 'string-width';
import { plain } from './text.ts';

export interface Column {
  title: string;
  /** Aligned to the right, as numbers are. @default false */
  right?: boolean;
  /** Never shortened: what is copied, such as an ID. @default false */
  whole?: boolean;
  /** Left out when the terminal is too narrow, the highest first. Without it, never. */
  drop?: number;
}

/** How a cell is painted. */
export type Tone = 'good' | 'bad' | 'warning' | 'dim' | 'strong';

export type Cell = string | { text: string; tone: Tone };

export type Paint = (tone: Tone, text: string) => string;

const GAP = 2;
/** Characters that a cell has at most: beyond them nobody reads a table. */
const CELL_MAX = 300;
/** Characters to which a column may be shortened. */
const COLUMN_MIN = 8;

interface Fitted {
  columns: number[];
  widths: number[];
  left: string[];
}

/**
 * Which columns of a table are shown, and how wide.
 *
 * @param naturals the widest cell of each column, its title included, in terminal columns.
 * @param room width of the terminal, or `Infinity`.
 */
export function fitColumns(columns: readonly Column[], naturals: readonly number[], room: number): Fitted {
  // A number of which digits are left out would be read as another one.
  const isWhole = ({ whole, right }: Column) => whole === true || right === true;
  const least = (c: number) => (isWhole(columns[c]!) ? naturals[c]! : Math.min(naturals[c]!, COLUMN_MIN));
  const width = (of: readonly number[], size: (c: number) => number) =>
    of.reduce((sum, c) => sum + size(c), GAP * Math.max(0, of.length - 1));
  let shown = [...columns.keys()];
  while (width(shown, least) > room) {
    const droppable = shown.filter((c) => columns[c]!.drop !== undefined);
    if (droppable.length === 0) break;
    const worst = droppable.reduce((a, b) => (columns[b]!.drop! > columns[a]!.drop! ? b : a));
    shown = shown.filter((c) => c !== worst);
  }
  const widths = new Map(shown.map((c) => [c, naturals[c]!]));
  for (let excess = width(shown, (c) => widths.get(c)!) - room; excess > 0; excess--) {
    const wide = shown.filter((c) => widths.get(c)! > least(c));
    if (wide.length === 0) break;
    const widest = wide.reduce((a, b) => (widths.get(b)! > widths.get(a)! ? b : a));
    widths.set(widest, widths.get(widest)! - 1);
  }
  return {
    columns: shown,
    widths: shown.map((c) => widths.get(c)!),
    left: columns.filter((_, c) => !shown.includes(c)).map(({ title }) => title),
  };
}

/**
 * A table with a rule under its header.
 *
 * @param room width of the terminal. @default no limit
 * @returns its lines, without a space at their ends.
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  { room = Number.POSITIVE_INFINITY, paint = (_, text) => text }: { room?: number; paint?: Paint } = {},
): string[] {
  const texts = rows.map((row) => columns.map((_, c) => shorten(plain(textOf(row[c] ?? '')))));
  const naturals = columns.map(({ title }, c) =>
    Math.max(stringWidth(title), ...texts.map((row) => stringWidth(row[c]!))),
  );
  const { columns: shown, widths, left } = fitColumns(columns, naturals, room);
  const table = new Table({
    head: shown.map((c) => paint('strong', columns[c]!.title)),
    colWidths: widths,
    colAligns: shown.map((c) => (columns[c]!.right ? 'right' : 'left')),
    chars: plainChars,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
  });
  for (const [r, row] of texts.entries()) {
    table.push(
      shown.map((c) => {
        const cell = rows[r]![c];
        return typeof cell === 'object' ? paint(cell.tone, row[c]!) : row[c]!;
      }),
    );
  }
  const lines = table.toString().split('\n');
  const said = `Not shown at this width: ${left.join(', ')}.`;
  const fitted = said.length > room ? `${left.length} columns are not shown at this width.` : said;
  const note = left.length > 0 ? [paint('dim', fitted)] : [];
  return [...lines.map((line) => line.trimEnd()), ...note];
}

const textOf = (cell: Cell) => (typeof cell === 'string' ? cell : cell.text);

const shorten = (text: string) => (text.length > CELL_MAX ? `${text.slice(0, CELL_MAX - 1)}…` : text);

/** No box: two spaces between columns, and a rule under the header. */
const plainChars = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '-',
  'mid-mid': '  ',
  right: '',
  'right-mid': '',
  middle: '  ',
};
