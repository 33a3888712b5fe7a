/** DuckDB, in memory, with no limit of its own on memory: one instance, kept warm, and the best SQL we could write. */
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { literal } from '../../tools/duckdb.ts';
import type { Contestant, Work } from './contestant.ts';
import { flightsScript } from './duckdb-flights.ts';
import { salesScript } from './duckdb-sales.ts';
import type { Script } from './duckdb-script.ts';

const scripts: Record<Work['set'], Script> = { flights: flightsScript, sales: salesScript };

export async function open({ set, source, threads }: Work): Promise<Contestant> {
  const instance = await DuckDBInstance.create(':memory:', { threads: String(threads) });
  const connection = await instance.connect();
  const script = scripts[set];
  for (const sql of script.settings) await connection.run(sql);
  return {
    async run(folder) {
      const file = (entity: string) => path.join(folder, `${entity}.parquet`);
      for (const sql of script.statements(literal(source), (entity) => literal(file(entity)))) {
        await connection.run(sql);
      }
      return { files: Object.fromEntries(script.entities.map((entity) => [entity, [file(entity)]])) };
    },
    async close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}
