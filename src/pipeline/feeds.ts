/**
 * Feeds: the ways by which keys reach keyed entities. `compile` calls it when all entities are known. Their order
 * decides which key is first seen, so it must never change for the same pipeline.
 */
import type { Entity, Feed } from './compiled.ts';
import { refuse } from './refuse.ts';

/**
 * Collects the feeds in declaration order of entities, an entity's own feed before its references, references in column
 * order. Feeds that bring the same keys of the same rows are one, at the place of the first: it is `own` if any of
 * them is.
 * @param entities all entities of a pipeline
 * @returns the feeds, in the order in which first-seen is decided
 * @throws `InvalidPipeline` for a keyed entity that nothing feeds
 */
export function collectFeeds(entities: readonly Entity[]): Feed[] {
  const feeds = new Map<string, Feed>();
  const add = (feed: Feed) => {
    const identity = JSON.stringify([feed.target, feed.columns, feed.selectedBy ?? null]);
    const known = feeds.get(identity);
    if (!known) feeds.set(identity, feed);
    else if (feed.own) known.own = true;
  };
  for (const entity of entities) {
    const selected = entity.where ? { selectedBy: entity.name } : {};
    if (entity.kind === 'keyed' && entity.ownFeed) {
      add({ target: entity.name, columns: entity.ownFeed, ...selected, own: true });
    }
    for (const column of entity.columns) {
      if (column.kind === 'ref') add({ target: column.entity, columns: column.columns, ...selected, own: false });
    }
  }
  const all = [...feeds.values()];
  for (const { kind, name } of entities) {
    if (kind === 'keyed' && !all.some((feed) => feed.target === name)) {
      refuse(
        `entities.${name}`,
        'nothing brings keys to it',
        'Give its key source columns, or refer to it with ref().',
      );
    }
  }
  return all;
}
