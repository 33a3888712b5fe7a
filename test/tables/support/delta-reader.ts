/**
 * Delta tables as ClickHouse reads them (chdb, by the Delta kernel that its makers wrote for all engines): it knows
 * nothing of how our logs are made. Values come as the canonical texts of `test/engine/support/cells.ts`.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { TableColumn } from '../../../src/table-format/table-format.ts';
import { canonOf } from '../../engine/support/cells.ts';
import type { MemoryStore } from '../../support/memory-store.ts';

const script = fileURLToPath(new URL('./chdb-process.mjs', import.meta.url));

interface Answer {
  rows?: unknown[][];
  error?: string;
}

/** The engine, and the folder whose files it reads. It answers one call after the other. */
interface Chdb {
  folder: string;
  ask(queries: readonly string[]): Promise<Answer[]>;
}

let started: Chdb | undefined;

/** The engine of this process: started once, for that takes longer than most answers. */
function chdb(): Chdb {
  started ??= startChdb();
  return started;
}

function startChdb(): Chdb {
  const folder = mkdtempSync(path.join(tmpdir(), 'ordinal-chdb-'));
  const env = { ...process.env, USE_DELTA_KERNEL_RS: '1' };
  const child = spawn(process.execPath, [script], { cwd: folder, env, stdio: ['pipe', 'pipe', 'inherit'] });
  process.once('exit', () => {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    folder,
    async ask(queries) {
      child.stdin.write(`${JSON.stringify(queries)}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error('the engine has ended');
      const answers = JSON.parse(value) as { text?: string; error?: string }[];
      // Read as it came: written again, -0 would be 0.
      return answers.map(({ text, error }) =>
        text === undefined ? { error: error! } : { rows: JSON.parse(text).data },
      );
    },
  };
}

/** Answers of queries. */
export async function askChdb(queries: readonly string[]): Promise<Answer[]> {
  return await chdb().ask(queries);
}

/** Columns to show, as their files have them. */
interface Shown {
  columns: readonly TableColumn[];
  /** A condition on rows, in ClickHouse's words. */
  where?: string;
  /** Where it is, if not in the store that all are in. */
  store?: MemoryStore;
}

/** A table to read: its folder in the container. */
export interface ReadTable extends Shown {
  folder: string;
}

type Rows = (string | null)[][];

/** Reads tables whole, by their logs: rows as canonical texts, in the order of the first column; or the error's text. */
export async function readTables(
  store: MemoryStore,
  tables: readonly ReadTable[],
  container = 'published',
): Promise<(Rows | string)[]> {
  return await readAll(store, container, tables, (root, { folder, columns, where }) => {
    const condition = where ? ` WHERE ${where}` : '';
    return `deltaLakeLocal('${path.join(root, folder)}')${condition} ORDER BY ${quote(columns[0]!.name)}`;
  });
}

/** Reads Parquet files, in the order of their rows. */
export async function readFiles(
  store: MemoryStore,
  files: readonly (Shown & { file: string })[],
  container = 'published',
): Promise<(Rows | string)[]> {
  return await readAll(store, container, files, (root, { file }) => `file('${path.join(root, file)}', Parquet)`);
}

function copyOut(store: MemoryStore, container: string, folder: string): void {
  for (const name of store.names(container)) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, store.bytes(container, name));
  }
}

async function readAll<T extends Shown>(
  store: MemoryStore,
  container: string,
  of: readonly T[],
  from: (root: string, one: T) => string,
): Promise<(Rows | string)[]> {
  const root = mkdtempSync(path.join(chdb().folder, 'world-'));
  const stores = [...new Set(of.map((one) => one.store ?? store))];
  const folderOf = (one: T) => path.join(root, String(stores.indexOf(one.store ?? store)));
  try {
    for (const [i, each] of stores.entries()) copyOut(each, container, path.join(root, String(i)));
    const answers = await askChdb(
      of.map((one) => `SELECT ${shownColumns(one)} FROM (SELECT * FROM ${from(folderOf(one), one)}) AS t`),
    );
    return answers.map(({ rows, error }, i) => error ?? rows!.map((row) => row.map((v, c) => canon(v, of[i]!, c))));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

const quote = (name: string) => `"${name.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

function shownColumns({ columns }: Shown): string {
  return columns.map(({ name, type }) => `${shownBy(quote(name), formOf(type))} AS ${quote(name)}`).join(', ');
}

type Form = 'bytes' | 'float' | 'days' | 'instant' | 'plain';

/** How a value is asked for: what has no exact form in JSON is made a number or hex digits. */
function formOf({ annotation: a, physical }: TableColumn['type']): Form {
  if (a?.kind === 'timestamp' || a?.kind === 'time' || physical === 'INT96') return 'instant';
  if (a?.kind === 'date') return 'days';
  if (a?.kind === 'float16' || physical === 'FLOAT' || physical === 'DOUBLE') return 'float';
  const bytes = physical === 'BYTE_ARRAY' || physical === 'FIXED_LEN_BYTE_ARRAY';
  return a?.kind === 'interval' || a?.kind === 'bson' || (bytes && !a) ? 'bytes' : 'plain';
}

function shownBy(column: string, form: Form): string {
  switch (form) {
    case 'bytes':
      return `if(isNull(t.${column}), NULL, concat('0x', lower(hex(t.${column}))))`;
    // The shortest text of a single names another double.
    case 'float':
      return `toFloat64(t.${column})`;
    case 'days':
      return `toInt32(t.${column})`;
    case 'instant':
      return `toUnixTimestamp64Nano(toDateTime64(t.${column}, 9, 'UTC'))`;
    case 'plain':
      return `t.${column}`;
  }
}

function canon(value: unknown, { columns }: Shown, c: number): string | null {
  if (value === null) return null;
  switch (formOf(columns[c]!.type)) {
    case 'days':
      return `${value}d`;
    case 'instant':
      return `${value}ns`;
    case 'float':
      return canonOf(floatOf(value));
    default:
      // A document with members, of a column of JSON.
      return typeof value === 'object' ? JSON.stringify(value) : canonOf(value);
  }
}

function floatOf(value: unknown): number {
  if (typeof value !== 'string') return value as number;
  return (
    { inf: Number.POSITIVE_INFINITY, '-inf': Number.NEGATIVE_INFINITY }[value] ??
    (value === 'nan' ? Number.NaN : Number(value))
  );
}
