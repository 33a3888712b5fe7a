/**
 * What is published of keys that were known: rows of all seen goods, and changes of goods and members. An oracle of its
 * own: what each run said last of a key, laid over what was published of it before, is what counts.
 */
import assert from 'node:assert/strict';
import { type Published, type Row, readRows } from './published.ts';
import type { Sim } from './sim.ts';

type Attributes = Record<string, unknown>;
type Ids = ReadonlyMap<string, bigint>;

interface Told {
  id: string;
  key: 'product' | 'customer';
  /** Whether a row describes the key, and how. */
  describes: (row: Row) => boolean;
  attributes: (row: Row, members: Ids) => Attributes;
  seen: boolean;
}

const told: Record<string, Told> = {
  goods: {
    id: 'good_id',
    key: 'product',
    describes: () => true,
    attributes: ({ quantity, customer }, members) => ({
      quantity,
      large: Number(quantity) > 2,
      member_id: members.get(String(customer)),
    }),
    seen: true,
  },
  members: {
    id: 'customer_id',
    key: 'customer',
    describes: ({ quantity }) => Number(quantity) < 4,
    attributes: ({ product, quantity }) => ({
      favourite: product,
      note: Number(quantity) > 1 ? `${quantity} ${product}` : null,
    }),
    seen: false,
  },
};

type Placed = Row & { source_blob: string; source_row: bigint };

/** `ids` are those of all keys, by index. */
export async function checkKnown(
  sim: Sim,
  published: ReadonlyMap<string, Published>,
  ids: ReadonlyMap<string, Ids>,
): Promise<void> {
  const runs = [...published.values()].filter(({ manifest }) => manifest.pipeline === 'club');
  // By what the index says, which one run after the other writes: clocks may go back.
  const version = ({ manifest }: Published) =>
    manifest.entities.flatMap(({ keys }) => keys?.partitions ?? []).reduce((sum, one) => sum + one.version, 0);
  runs.sort((a, b) => version(a) - version(b));
  const state: Record<string, Map<string, Attributes>> = { goods: new Map(), members: new Map() };
  for (const run of runs) {
    const source: Placed[] = [];
    for (const { blob, etag } of run.manifest.inputs) {
      const rows = await readRows(sim.sources.get(etag)!);
      source.push(...rows.map((row, r) => ({ ...row, source_blob: blob, source_row: BigInt(r) })));
    }
    for (const [entity, how] of Object.entries(told)) {
      await checkEntity(sim, run, source, entity, how, state[entity]!, ids);
    }
  }
}

async function checkEntity(
  sim: Sim,
  { manifest, rows }: Published,
  source: readonly Placed[],
  entity: string,
  { id, key, describes, attributes, seen }: Told,
  state: Map<string, Attributes>,
  ids: ReadonlyMap<string, Ids>,
): Promise<void> {
  const at = `${manifest.runId} ${entity}`;
  const members = ids.get('customers')!;
  const own = entity === 'members' ? members : ids.get('club.goods')!;
  const first = new Map<string, Attributes>();
  const last = new Map<string, Attributes & { from: Placed }>();
  for (const row of source.filter(describes)) {
    const name = String(row[key]);
    if (!first.has(name)) first.set(name, attributes(row, members));
    last.set(name, { ...attributes(row, members), from: row });
  }
  const names = Object.keys(attributes(source[0]!, members));
  const nothing = Object.fromEntries(names.map((name) => [name, null]));
  const pick = (row: Row) => Object.fromEntries(names.map((name) => [name, row[name] ?? null]));
  const fresh = rows[entity]!;
  for (const row of fresh) {
    const expected = first.get(String(row.name)) ?? nothing;
    assert.deepEqual(pick(row), expected, `${at}: ${row.name} as its first row has it`);
    state.set(String(row.name), expected);
  }

  const one = manifest.entities.find((candidate) => candidate.entity === entity)!;
  const further = async (dataset: 'known' | 'changes') => {
    const files = one[dataset]?.files ?? [];
    const read = await Promise.all(files.map(({ blob }) => readRows(sim.store.bytes('published', blob))));
    assert.deepEqual(
      read.map((list) => list.length),
      files.map((file) => file.rows),
      `${at}: ${dataset} rows`,
    );
    for (const row of read.flat()) assert.equal(row[id], own.get(String(row.name)), `${at}: ID of ${row.name}`);
    return read.flat();
  };
  const known = await further('known');
  const isNew = new Set(fresh.map((row) => String(row.name)));
  const repeated = seen ? [...first.keys()].filter((name) => !isNew.has(name)) : [];
  assert.deepEqual(known.map((row) => String(row.name)).sort(), repeated.sort(), `${at}: known keys that were seen`);
  for (const row of known) {
    assert.deepEqual(pick(row), first.get(String(row.name)), `${at}: known ${row.name}`);
    assert.equal(row.source, 'club', at);
  }

  const changes = await further('changes');
  const expected = [...last].flatMap(([name, { from, ...attributes }]) => {
    const before = state.get(name) ?? nothing;
    state.set(name, attributes);
    if (JSON.stringify(before, asText) === JSON.stringify(attributes, asText)) return [];
    return [{ name, ...attributes, source_blob: from.source_blob, source_row: from.source_row }];
  });
  const changed = changes.map((row) => ({
    name: String(row.name),
    ...pick(row),
    source_blob: row.source_blob,
    source_row: row.source_row,
  }));
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
  assert.deepEqual(changed.sort(byName), expected.sort(byName), `${at}: changes`);
}

const asText = (_: string, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value);
