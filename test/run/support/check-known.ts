/**
 * What is published of keys that were known: rows of all seen goods; changes of goods and members; and descriptions of
 * people that come late. An oracle of its own: what each run said last of a key, laid over what was published of it
 * before, is what counts; or, where changes are not reported, the first row that says something.
 */
import assert from 'node:assert/strict';
import { type Published, type Row, readRows } from './published.ts';
import { nobody } from './shop.ts';
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
  /** Changes are reported; otherwise only the description of a key that has none. */
  reports: boolean;
  index: string;
}

/** What is known of an entity's keys, run after run. */
interface State {
  attributes: Map<string, Attributes>;
  described: Set<string>;
}

/** By pipeline and entity. */
const told: Record<string, Record<string, Told>> = {
  club: {
    goods: {
      id: 'good_id',
      key: 'product',
      describes: () => true,
      attributes: ({ quantity, customer }, members) => ({
        quantity,
        large: Number(quantity) > 2,
        member_id: customer === nobody ? 0n : members.get(String(customer)),
      }),
      seen: true,
      reports: true,
      index: 'club.goods',
    },
    members: {
      id: 'customer_id',
      key: 'customer',
      describes: ({ quantity, customer }) => Number(quantity) < 4 && customer !== nobody,
      attributes: ({ product, quantity }) => ({
        favourite: product,
        note: Number(quantity) > 1 ? `${quantity} ${product}` : null,
      }),
      seen: false,
      reports: true,
      index: 'customers',
    },
  },
  web: {
    people: {
      id: 'customer_id',
      key: 'customer',
      describes: ({ quantity }) => Number(quantity) !== 1,
      attributes: ({ quantity }) => ({ shown: Number(quantity) === 3 ? null : Number(quantity) }),
      seen: false,
      reports: false,
      index: 'customers',
    },
  },
};

type Placed = Row & { source_blob: string; source_row: bigint };

/** `ids` are those of all keys, by index. */
export async function checkKnown(
  sim: Sim,
  published: ReadonlyMap<string, Published>,
  ids: ReadonlyMap<string, Ids>,
): Promise<void> {
  for (const [pipeline, entities] of Object.entries(told)) {
    const runs = [...published.values()].filter(({ manifest }) => manifest.pipeline === pipeline);
    for (const [entity, how] of Object.entries(entities)) {
      const state: State = { attributes: new Map(), described: new Set() };
      // By the grants of the index's lease, one run after the other: clocks may go back.
      const term = ({ manifest }: Published) => grantOf(manifest, how.index)!;
      for (const run of runs.toSorted((a, b) => term(a) - term(b))) {
        const source: Placed[] = [];
        for (const { blob, etag } of run.manifest.inputs) {
          const rows = await readRows(sim.sources.get(etag)!);
          source.push(...rows.map((row, r) => ({ ...row, source_blob: blob, source_row: BigInt(r) })));
        }
        await checkEntity(sim, run, source, entity, how, state, ids);
        checkUndescribed(run, entity, how.index, state, [...published.values()]);
      }
    }
  }
}

/** The number of the lease's grant under which a run published keys of an index. */
function grantOf({ entities }: Published['manifest'], index: string): number | undefined {
  return entities.find(({ keys }) => keys?.index === index)?.keys?.partitions[0]?.term;
}

/** The manifest counts the keys of the index, up to this run, that the entity has not described. */
function checkUndescribed(
  { manifest }: Published,
  entity: string,
  index: string,
  { described }: State,
  all: readonly Published[],
): void {
  const until = grantOf(manifest, index)!;
  const keys = all
    .filter((other) => (grantOf(other.manifest, index) ?? Number.POSITIVE_INFINITY) <= until)
    .flatMap((other) => other.manifest.entities.filter((one) => one.keys?.index === index))
    .reduce((sum, { rows }) => sum + rows, 0);
  const { partitions } = manifest.entities.find((one) => one.entity === entity)!.keys!;
  const said = partitions.reduce((sum, { undescribed }) => sum + (undescribed ?? Number.NaN), 0);
  assert.equal(said, keys - described.size, `${manifest.runId} ${entity}: undescribed keys`);
}

async function checkEntity(
  sim: Sim,
  { manifest, rows }: Published,
  source: readonly Placed[],
  entity: string,
  { id, key, describes, attributes, seen, reports, index }: Told,
  state: State,
  ids: ReadonlyMap<string, Ids>,
): Promise<void> {
  const at = `${manifest.runId} ${entity}`;
  const members = ids.get('customers')!;
  const own = ids.get(index)!;
  const first = new Map<string, Attributes>();
  const saying = new Map<string, Attributes & { from: Placed }>();
  for (const row of source.filter(describes)) {
    const name = String(row[key]);
    if (reports || !first.has(name)) saying.set(name, { ...attributes(row, members), from: row });
    if (!first.has(name)) first.set(name, attributes(row, members));
  }
  const says = (what: Attributes) => names.some((name) => (what[name] ?? null) !== null);
  const names = Object.keys(attributes(source[0]!, members));
  const nothing = Object.fromEntries(names.map((name) => [name, null]));
  const pick = (row: Row) => Object.fromEntries(names.map((name) => [name, row[name] ?? null]));
  const fresh = rows[entity]!;
  for (const row of fresh) {
    const expected = first.get(String(row.name)) ?? nothing;
    assert.deepEqual(pick(row), expected, `${at}: ${row.name} as its first row has it`);
    state.attributes.set(String(row.name), expected);
    if (says(expected)) state.described.add(String(row.name));
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
  const expected = [...saying].flatMap(([name, { from, ...attributes }]) => {
    const before = state.attributes.get(name) ?? nothing;
    if (!reports && (state.described.has(name) || !says(attributes))) return [];
    state.attributes.set(name, attributes);
    if (says(attributes)) state.described.add(name);
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
