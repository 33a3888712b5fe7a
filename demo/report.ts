/**
 * What the demo prints about a run: its datasets, a few rows of each, and the checks. The demo calls it when a run has
 * ended.
 */

import { renderTable } from '../cli/terminal/table.ts';
import { bytes, cell, count } from '../cli/terminal/text.ts';
import { type Duck, literal, literalList } from '../tools/duckdb.ts';
import type { DemoCheck } from './published.ts';
import type { RunEntity } from './runs.ts';
import type { PublishedRun } from './verify/meaning.ts';

/** A table as one text; columns named in `right` are aligned to the right. */
export function textTable(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly string[] = [],
): string {
  const columns = titles.map((title) => ({ title, right: right.includes(title) }));
  return renderTable(columns, rows).join('\n');
}

export function entityTable(entities: readonly RunEntity[]): string {
  const id = (text: string | null): string => (text === null ? '-' : count(BigInt(text)));
  return textTable(
    ['entity', 'rows', 'files', 'bytes', 'first ID', 'last ID'],
    entities.map((one) => [
      one.entity,
      count(one.rows),
      count(one.files.length),
      bytes(one.bytes),
      id(one.firstId),
      id(one.lastId),
    ]),
    ['rows', 'files', 'bytes', 'first ID', 'last ID'],
  );
}

/** The first rows of an entity's first file, in file order. */
export async function sampleTable(duck: Duck, files: readonly string[], rows: number): Promise<string> {
  const select = `select * exclude (file_row_number) from read_parquet(${literal(files[0]!)}, file_row_number = true)`;
  const found = await duck.rows(`${select} order by file_row_number limit ${rows}`);
  const header = Object.keys(found[0] ?? {});
  return textTable(
    header,
    found.map((row) => header.map((name) => cell(row[name]))),
  );
}

/** Rows in the files of each entity, by their footers. */
export async function rowsByEntity(duck: Duck, run: PublishedRun): Promise<Map<string, number>> {
  const rows = new Map<string, number>();
  for (const [entity, files] of Object.entries(run.files)) {
    if (files.length === 0) continue;
    const total = await duck.row(
      `select sum(num_rows)::BIGINT as rows from parquet_file_metadata(${literalList(files)})`,
    );
    rows.set(entity, Number(total.rows));
  }
  return rows;
}

/** One line a check: its figure when it holds, its fault when it does not. */
export function checkLines(checks: readonly DemoCheck[]): string {
  return textTable(
    ['', 'entity', 'check', 'figure'],
    checks.map((check) => [
      check.ok ? 'ok' : 'FAILED',
      check.entity,
      check.claim,
      check.fault === undefined ? check.figure : `${check.figure}: ${check.fault}`,
    ]),
  );
}
