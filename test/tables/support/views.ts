/** Views of current rows as DuckDB shows them, and a scenario that a planted bug must not survive. */
import assert from 'node:assert/strict';
import { currentRows } from '../../../src/tables/current-rows.ts';
import { currentRowsSql } from '../../../src/tables/sql.ts';
import { addressesAt } from '../../../src/tables/sql-dialects.ts';
import { readSharers } from '../../../src/tables/write-views.ts';
import type { Duck, Row } from '../../../tools/duckdb.ts';
import { type ShopRow, shopPipelines, upload } from '../../run/support/shop.ts';
import { Sim } from '../../run/support/sim.ts';
import { copyOut } from './published-folder.ts';

export const row = (customer: string, product: string, quantity: number): ShopRow => ({ customer, product, quantity });

export async function run(sim: Sim, runId: string, pipeline: string, files: ShopRow[][]): Promise<void> {
  await upload(sim, `${pipeline}/${runId}/`, files);
  const instance = await sim.run(runId, pipeline, `${pipeline}/${runId}/`);
  await sim.settle();
  assert.equal(instance.status, 'Completed', instance.error);
}

/** The view of an entity as the command prints it, for copies of the files in a folder. */
async function sqlOf(sim: Sim, folder: string, pipeline: string, entity: string, asOf?: string): Promise<string> {
  const environment = sim.environments[0]!;
  const sharing = await readSharers(environment, shopPipelines.get(pipeline)!);
  return currentRowsSql('duckdb', currentRows(sharing, entity, asOf), addressesAt('duckdb', folder), asOf);
}

export async function currentOf(duck: Duck, sim: Sim, pipeline: string, entity: string, asOf?: string): Promise<Row[]> {
  const { folder, remove } = copyOut(sim.store);
  try {
    await duck.run(await sqlOf(sim, folder, pipeline, entity, asOf));
    const rows = await duck.rows(`SELECT * FROM "${entity}"`);
    return rows.toSorted((a, b) => Number(Object.values(a)[0]) - Number(Object.values(b)[0]));
  } finally {
    remove();
  }
}

/** Runs of two pipelines that share an index; what one of them changes is shown by the views of both. */
export async function sharedRows(duck: Duck): Promise<void> {
  const sim = new Sim(shopPipelines, { seed: 3 });
  await run(sim, 'r1', 'club', [[row('ann', 'tea', 1), row('bob', 'oil', 3)]]);
  await run(sim, 'r2', 'shop', [[row('ann', 'tea', 1), row('cem', 'tea', 9)]]);
  await run(sim, 'r3', 'club', [[row('ann', 'oil', 2), row('dan', 'tea', 1)]]);
  await run(sim, 'r4', 'club', [[row('ann', 'rye', 3)]]);
  const members = async (asOf?: string) =>
    (await currentOf(duck, sim, 'club', 'members', asOf)).map(({ customer_id, name, favourite, note }) => [
      Number(customer_id),
      name,
      favourite,
      note,
    ]);
  const now = await members();
  const unknown = [0, null, null, null];
  assert.deepEqual(now, [
    unknown,
    [1, 'ann', 'rye', '3 rye'],
    [2, 'bob', 'oil', '3 oil'],
    // Numbered by the shop, which says nothing more of its customers.
    [3, 'cem', null, null],
    [4, 'dan', 'tea', null],
  ]);
  assert.deepEqual((await members('r3'))[1], [1, 'ann', 'oil', '2 oil']);
  assert.deepEqual(await members('r1'), [unknown, [1, 'ann', 'tea', null], [2, 'bob', 'oil', '3 oil']]);
  // The other side of the index has the same rows, and what the club says of them.
  const customers = await currentOf(duck, sim, 'shop', 'customers');
  assert.deepEqual(
    customers.map(({ customer_id, name, favourite }) => [Number(customer_id), name, favourite]),
    now.map(([id, name, favourite]) => [id, name, favourite]),
  );
  await assert.rejects(members('r9'), { code: 'UnknownRun' });
}
