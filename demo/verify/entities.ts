/**
 * The checks of a rows entity and of a keyed entity against the source. `verify.ts` calls it.
 */
import { type Duck, identifier } from '../../tools/duckdb.ts';
import { checkColumns, expectations, publishedColumns } from './compare.ts';
import { type Check, type EntityMeaning, figure, type KeyedMeaning, keyColumns, type RowsMeaning } from './meaning.ts';
import { allView, knownView, publishedView, sourceView } from './relations.ts';

/** One published row for each source row, in its order, with its values and references. */
export async function checkRows(
  duck: Duck,
  entity: RowsMeaning,
  entities: ReadonlyMap<string, EntityMeaning>,
): Promise<Check[]> {
  const published = publishedView(entity.name);
  const totals = await duck.row(
    `select (select count(*) from ${sourceView}) as sources, (select count(*) from ${published}) as rows`,
  );
  const [sources, rows] = [totals.sources as bigint, totals.rows as bigint];
  const accounted: Check = {
    entity: entity.name,
    check: 'rows',
    claim: 'every source row accounted for',
    ok: sources === rows,
    figure: `${figure(rows)} of ${figure(sources)} rows`,
    ...(sources !== rows && { fault: `${figure(sources)} source rows, ${figure(rows)} published` }),
  };
  const pairs = `
    select s.*, ${publishedColumns(entity, 'p').join(', ')}
    from (select ${['n', ...expectations(entity)].join(', ')} from ${sourceView}) s
    join ${published} p on p.n = s.n`;
  const claim = "values equal to the source's, row by row";
  return [accounted, ...(await checkColumns(duck, { entity, entities, pairs, claim }))];
}

/**
 * Creates the table of the keys that this run should have added: key columns `k0`…, `seen` (rank in first-seen order)
 * and `n`, the first source row that held the key through the first feed.
 */
async function createDue(duck: Duck, entity: KeyedMeaning): Promise<string> {
  const table = identifier(`due_${entity.name}`);
  const keys = keyColumns(entity);
  const names = keys.map((_, j) => `k${j}`);
  const feeds = entity.feeds.map((feed, f) => {
    const columns = feed.map((sql, j) => `${sql} as k${j}`);
    return `select ${columns.join(', ')}, n * ${entity.feeds.length} + ${f} as seen_at, ${f === 0 ? 'n' : 'null::BIGINT'} as own
            from ${sourceView}`;
  });
  const known = keys.map((key, j) => `known.${identifier(key)} = f.k${j}`).join(' and ');
  await duck.run(`
    create or replace temp table ${table} as
    select f.*, row_number() over (order by seen_at) as seen
    from (
      select ${names.join(', ')}, min(seen_at) as seen_at, min(own) as n from (${feeds.join(' union all ')})
      where ${names.map((key) => `${key} is not null`).join(' and ')} group by ${names.join(', ')}
    ) f anti join ${knownView(entity.name)} known on ${known}`);
  return table;
}

/** One published row for each new natural key, in first-seen order, with the values of the first row that held it. */
export async function checkKeyed(
  duck: Duck,
  entity: KeyedMeaning,
  entities: ReadonlyMap<string, EntityMeaning>,
): Promise<Check[]> {
  const due = await createDue(duck, entity);
  const published = publishedView(entity.name);
  const keys = keyColumns(entity).map(identifier);
  const same = keys.map((key, j) => `p.${key} = d.k${j}`).join(' and ');
  const counts = await duck.row(`
    select (select count(*) from ${published}) as rows, (select count(*) from ${due}) as due,
      (select count(*) from ${due} d anti join ${published} p on ${same}) as missing,
      (select count(*) from ${published} p anti join ${due} d on ${same}) as foreign_keys,
      (select coalesce(sum(times - 1), 0)::BIGINT
       from (select count(*) as times from ${allView(entity.name)} group by ${keys.join(', ')})) as repeated,
      (select count(*) from ${allView(entity.name)}) as all_rows`);
  const at = (name: string): bigint => counts[name] as bigint;
  const complete = at('missing') === 0n && at('foreign_keys') === 0n && at('repeated') === 0n;
  const { disorder } = await duck.row(`
    select count(*) as disorder
    from (select seen, lag(seen) over (order by n) as previous
          from (select p.n, d.seen from ${published} p join ${due} d on ${same}))
    where seen <= previous`);
  const pairs = `
    select s.*, ${publishedColumns(entity, 'p').join(', ')}
    from ${published} p join ${due} d on ${same}
    join (select ${['n', ...expectations(entity)].join(', ')} from ${sourceView}) s on s.n = d.n`;
  const claim = "values equal to the first source row's";
  return [
    {
      entity: entity.name,
      check: 'keys',
      claim: 'every natural key of the source once, over all runs',
      ok: complete,
      figure: `${figure(at('rows'))} of ${figure(at('due'))} new keys, ${figure(at('all_rows'))} in all`,
      ...(!complete && {
        fault: `${figure(at('missing'))} missing, ${figure(at('foreign_keys'))} not new or not in the source, ${figure(at('repeated'))} repeated`,
      }),
    },
    {
      entity: entity.name,
      check: 'first-seen',
      claim: 'keys in first-seen order',
      ok: disorder === 0n,
      figure: `${figure(at('rows'))} keys`,
      ...(disorder !== 0n && { fault: `${figure(disorder as bigint)} keys come before one seen earlier` }),
    },
    ...(await checkColumns(duck, { entity, entities, pairs, claim })),
  ];
}
