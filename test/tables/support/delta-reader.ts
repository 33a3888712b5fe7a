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
import { deltaType } from '../../../src/pipeline/delta-types.ts';
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
  return columns.map(({ name, type }) => `${shownBy(quote(name), typeOf(type))} AS ${quote(name)}`).join(', ');
}

function typeOf(type: TableColumn['type']): string {
  const made = deltaType(type);
  return 'refused' in made ? 'refused' : made.name;
}

/** What has no exact form in JSON is made a number or hex digits. */
function shownBy(column: string, type: string): string {
  if (type === 'binary') return `if(isNull(t.${column}), NULL, concat('0x', lower(hex(t.${column}))))`;
  // The shortest text of a single names another double.
  if (type === 'float') return `toFloat64(t.${column})`;
  if (type === 'date') return `toInt32(t.${column})`;
  if (type === 'timestamp' || type === 'timestamp_ntz') return `toUnixTimestamp64Micro(t.${column})`;
  return `t.${column}`;
}

function canon(value: unknown, { columns }: Shown, c: number): string | null {
  if (value === null) return null;
  const type = typeOf(columns[c]!.type);
  if (type === 'date') return `${value}d`;
  if (type === 'timestamp' || type === 'timestamp_ntz') return `${BigInt(value as string) * 1000n}ns`;
  if (type === 'float' || type === 'double') return canonOf(floatOf(value));
  return canonOf(value);
}

function floatOf(value: unknown): number {
  if (typeof value !== 'string') return value as number;
  return (
    { inf: Number.POSITIVE_INFINITY, '-inf': Number.NEGATIVE_INFINITY }[value] ??
    (value === 'nan' ? Number.NaN : Number(value))
  );
}
