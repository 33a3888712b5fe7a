/**
 * The commands `sql` and `delta repair`. `commands.ts` calls them. `sql` changes nothing; `delta repair` changes only the
 * logs of a pipeline's tables, never a file of a table.
 */
import { pipelineOf } from '../src/environment/environment.ts';
import { OrdinalError } from '../src/errors.ts';
import { didYouMean } from '../src/nearest.ts';
import { askSql } from '../src/tables/ask-sql.ts';
import { repairTables } from '../src/tables/repair-tables.ts';
import { engines } from '../src/tables/sql-dialects.ts';
import { alignColumns } from '../src/view/text-table.ts';
import type { Given, Result } from './command.ts';

export interface SqlChoice {
  engine: string;
  asOf?: string;
  at?: string;
}

/** Prints the view of an entity's current rows. */
export async function sql({ environment }: Given, entity: string, { engine, asOf, at }: SqlChoice): Promise<Result> {
  const found = engines.find((one) => one === engine);
  if (!found) {
    throw new OrdinalError('InvalidRequest', `there is no engine "${engine}"; there are: ${engines.join(', ')}`, {
      where: { field: 'engine' },
      remedy: `Correct the name. ${didYouMean(engine, engines)}`,
    });
  }
  const text = await askSql(environment, {
    ...{ entity, engine: found },
    ...(asOf !== undefined && { asOf }),
    ...(at !== undefined && { at }),
  });
  return { lines: text.trimEnd().split('\n'), value: { entity, engine: found, sql: text } };
}

/** Repairs the tables of a pipeline. */
export async function repairDelta({ environment }: Given, name: string, choice: { anew?: boolean }): Promise<Result> {
  const pipeline = pipelineOf(environment, name);
  const value = await repairTables(environment, pipeline, { anew: choice.anew === true });
  const rows = value.map(({ folder, was, anew, files }) => [
    folder,
    `was ${was}`,
    anew ? 'made anew' : was === 'missing' ? 'made' : 'brought up to date',
    `${files} files`,
  ]);
  return { lines: alignColumns(rows), value };
}
