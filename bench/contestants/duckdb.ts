/** DuckDB, in memory, with no limit of its own on memory: one instance, kept warm, and the best SQL we could write. */
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { literal } from '../../tools/duckdb.ts';
import type { Contestant, Work } from './contestant.ts';
import { flightsScript } from './duckdb-flights.ts';
import { salesScript } from './duckdb-sales.ts';
import type { Script } from './duckdb-script.ts';

const scripts: Record<Work['set'], Script> = { flights: flightsScript, sales: salesScript };

export async function open(work: Work): Promise<Contestant> {
  const split = await openSplit(work);
  return { run: async (folder) => ({ files: await split.run(work.source, folder) }) };
}

export interface DuckSplit {
  /** Splits a local file into files below a folder; `onFile` is told of each when it is complete. */
  run(
    source: string,
    folder: string,
    onFile?: (entity: string, file: string) => void,
  ): Promise<Record<string, string[]>>;
}

/** `checked` holds the rows to the pipeline's contract, too. */
export async function openSplit({ set, threads, many }: Work, checked = false): Promise<DuckSplit> {
  const instance = await DuckDBInstance.create(':memory:', { threads: String(threads) });
  const connection = await instance.connect();
  const script = scripts[set];
  return {
    async run(source, folder, onFile = () => undefined) {
      const file = (entity: string) => path.join(folder, `${entity}.parquet`);
      const rowsOf = many ? 'source' : `read_parquet(${literal(source)}, file_row_number = true)`;
      if (many) await connection.run(viewOfMany(source, many));
      for (const sql of script.tables(rowsOf)) await connection.run(sql);
      for (const rows of checked ? script.broken(rowsOf) : []) {
        const found = await connection.runAndReadAll(`select count(*)::int ${rows}`);
        if (found.getRows()[0]?.[0] !== 0) throw new Error(`rows break the contract: ${rows}`);
      }
      for (const [entity, { select, options }] of Object.entries(script.files(rowsOf))) {
        await connection.run(`copy (${select}) to ${literal(file(entity))} (format parquet, ${options})`);
        onFile(entity, file(entity));
      }
      return Object.fromEntries(Object.keys(script.files('')).map((entity) => [entity, [file(entity)]]));
    },
  };
}

/**
 * Files of equal length as one relation. Tried: a temporary table of it (a quarter more CPU at 2,000 files), which spares
 * DuckDB opening each file several times.
 */
function viewOfMany(folder: string, { rows }: NonNullable<Work['many']>): string {
  const files = literal(path.join(folder, '*.parquet'));
  return `create or replace temp view source as
    select (file_index * ${rows} + file_row_number)::BIGINT as file_row_number, * exclude (file_row_number)
    from (select file_index, * from read_parquet(${files}, file_row_number = true))`;
}
