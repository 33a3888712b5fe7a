/**
 * Delta tables as ClickHouse reads them (chdb, by the Delta kernel that its makers wrote for all engines): it knows
 * nothing of how our logs are made. Values come as the canonical texts of `test/engine/support/cells.ts`.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { deltaType } from '../../../src/pipeline/delta-types.ts';
import type { TableColumn } from '../../../src/table-format/table-format.ts';
import { canonOf } from '../../engine/support/cells.ts';
import type { MemoryStore } from '../../support/memory-store.ts';

const script = fileURLToPath(new URL('./chdb-process.mjs', import.meta.url));

interface Answer {
  rows?: unknown[][];
  names?: string[];
  error?: string;
}

/** Answers of queries about files in a folder. */
export async function askChdb(folder: string, queries: readonly string[]): Promise<Answer[]> {
  const env = { ...process.env, USE_DELTA_KERNEL_RS: '1' };
  const child = spawn(process.execPath, [script], { cwd: folder, env, stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify(queries));
  const pieces: Buffer[] = [];
  for await (const piece of child.stdout) pieces.push(piece as Buffer);
  return JSON.parse(Buffer.concat(pieces).toString()) as Answer[];
}

/** A table to read: its folder in the container, and its columns as their files have them. */
export interface ReadTable {
  folder: string;
  columns: readonly TableColumn[];
  /** A condition on rows, in ClickHouse's words. */
  where?: string;
}

/** Reads tables whole, by their logs: rows as canonical texts, in the order of the first column; or the error's text. */
export async function readTables(
  store: MemoryStore,
  tables: readonly ReadTable[],
  container = 'published',
): Promise<((string | null)[][] | string)[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ordinal-delta-'));
  try {
    for (const name of store.names(container)) {
      const file = path.join(folder, name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, store.bytes(container, name));
    }
    const answers = await askChdb(
      folder,
      tables.map((table) => queryOf(folder, table)),
    );
    return answers.map(({ rows, error }, t) => error ?? rows!.map((row) => row.map((v, c) => canon(v, tables[t]!, c))));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const quote = (name: string) => `"${name.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

function queryOf(root: string, { folder, columns, where }: ReadTable): string {
  const shown = columns.map(({ name, type }) => `${shownBy(quote(name), typeOf(type))} AS ${quote(name)}`);
  const table = `deltaLakeLocal('${path.join(root, folder)}')`;
  const first = quote(columns[0]!.name);
  // An alias must not hide the column that is ordered by.
  const inner = `SELECT * FROM ${table}${where ? ` WHERE ${where}` : ''} ORDER BY ${first}`;
  return `SELECT ${shown.join(', ')} FROM (${inner}) AS t`;
}

function typeOf(type: TableColumn['type']): string {
  const made = deltaType(type);
  return 'refused' in made ? 'refused' : made.name;
}

/** What has no exact form in JSON is made a number or hex digits. */
function shownBy(column: string, type: string): string {
  if (type === 'binary') return `if(isNull(t.${column}), NULL, concat('0x', lower(hex(t.${column}))))`;
  if (type === 'date') return `toInt32(t.${column})`;
  if (type === 'timestamp' || type === 'timestamp_ntz') return `toUnixTimestamp64Micro(t.${column})`;
  return `t.${column}`;
}

function canon(value: unknown, { columns }: ReadTable, c: number): string | null {
  if (value === null) return null;
  const type = typeOf(columns[c]!.type);
  if (type === 'date') return `${value}d`;
  if (type === 'timestamp' || type === 'timestamp_ntz') return `${BigInt(value as string) * 1000n}ns`;
  if (type === 'float' || type === 'double') return canonOf(floatOf(value));
  return canonOf(value);
}

function floatOf(value: unknown): number {
  if (typeof value !== 'string') return value as number;
  return { inf: Number.POSITIVE_INFINITY, '-inf': Number.NEGATIVE_INFINITY }[value] ?? (value === 'nan' ? Number.NaN : Number(value));
}
