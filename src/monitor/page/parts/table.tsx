/**
 * Tables. `Table` shows all its rows, and scrolls sideways. `LongTable` shows only the rows that are on the screen, so that
 * a hundred thousand of them cost as much as fifty; its rows have one height. On a narrow screen a row becomes a card.
 */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Empty, Scroll } from './ui.tsx';

export interface Column<Row> {
  head: string;
  cell(row: Row): ComponentChildren;
  /** Figures are set to the right. */
  numeric?: boolean;
  class?: string;
}

interface TableProps<Row> {
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf(row: Row): string | number;
}

function classOf({ numeric, class: name }: Column<never>): string {
  return [numeric ? 'numeric' : '', name ?? ''].join(' ').trim();
}

function Head<Row>({ columns }: { columns: readonly Column<Row>[] }) {
  return (
    <thead>
      <tr>
        {columns.map((column) => (
          <th key={column.head} scope="col" class={classOf(column)}>
            {column.head}
          </th>
        ))}
      </tr>
    </thead>
  );
}

function Cells<Row>({ columns, row }: { columns: readonly Column<Row>[]; row: Row }) {
  return (
    <>
      {columns.map((column) => (
        <td key={column.head} class={classOf(column)} data-label={column.head}>
          {column.cell(row)}
        </td>
      ))}
    </>
  );
}

/** Without rows it is the words `none`, or nothing. A small one has lower rows. */
export function Table<Row>(props: TableProps<Row> & { none?: string; small?: boolean }) {
  const { caption, columns, rows, keyOf, none, small } = props;
  if (rows.length === 0) return none === undefined ? null : <Empty>{none}</Empty>;
  return (
    <Scroll label={caption}>
      <table class={small ? 'table small' : 'table'}>
        <caption class="unseen">{caption}</caption>
        <Head columns={columns} />
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              <Cells columns={columns} row={row} />
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/** Rows above and below the screen that are there already. */
const MARGIN = 12;
/** Pixels of a row, and of a card on a narrow screen: `style/tables.css` has the same. */
const ROW_PX = 34;
const CARD_PX = 92;
const narrow = matchMedia('(max-width: 700px)');

function useRowHeight(): number {
  const [isNarrow, setNarrow] = useState(narrow.matches);
  useEffect(() => {
    const changed = () => setNarrow(narrow.matches);
    narrow.addEventListener('change', changed);
    return () => narrow.removeEventListener('change', changed);
  }, []);
  return isNarrow ? CARD_PX : ROW_PX;
}

interface LongTableProps<Row> extends TableProps<Row> {
  /** Called when the last rows come into sight. */
  onEnd?(): void;
}

export function LongTable<Row>({ caption, columns, rows, keyOf, onEnd }: LongTableProps<Row>) {
  const body = useRef<HTMLTableSectionElement>(null);
  const height = useRowHeight();
  const [first, setFirst] = useState(0);
  const shown = Math.ceil(innerHeight / height) + 2 * MARGIN;
  useEffect(() => {
    let asked = false;
    const place = () => {
      asked = false;
      const top = body.current?.getBoundingClientRect().top ?? 0;
      const at = Math.max(0, Math.floor(-top / height) - MARGIN);
      setFirst(Math.min(at, Math.max(0, rows.length - shown)));
      if (at + shown >= rows.length) onEnd?.();
    };
    const moved = () => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(place);
    };
    place();
    addEventListener('scroll', moved, { passive: true });
    addEventListener('resize', moved);
    return () => {
      removeEventListener('scroll', moved);
      removeEventListener('resize', moved);
    };
  }, [rows.length, height, shown, onEnd]);
  const last = Math.min(rows.length, first + shown);
  return (
    <table class="table long" aria-rowcount={rows.length + 1}>
      <caption class="unseen">{caption}</caption>
      <Head columns={columns} />
      <tbody ref={body}>
        <Gap rows={first} height={height} columns={columns.length} />
        {rows.slice(first, last).map((row, i) => (
          <tr key={keyOf(row)} aria-rowindex={first + i + 2}>
            <Cells columns={columns} row={row} />
          </tr>
        ))}
        <Gap rows={rows.length - last} height={height} columns={columns.length} />
      </tbody>
    </table>
  );
}

/** Room for rows that are not on the screen. */
function Gap({ rows, height, columns }: { rows: number; height: number; columns: number }) {
  if (rows <= 0) return null;
  return (
    <tr class="gap" style={{ height: `${rows * height}px` }}>
      <td colSpan={columns} />
    </tr>
  );
}
