/**
 * Computes what was published about each key's attributes before a run: an entity's rows with its changes applied, and
 * which keys have been described. The verifier uses it. It goes from run to run in order; for an earlier run it starts
 * again from the first.
 */

import type { Manifest } from '../documents/manifest.ts';
import { inOrderOfPublication } from '../documents/manifests.ts';
import type { Environment } from '../environment/environment.ts';
import { readTable } from '../parquet/table.ts';
import { describes, isAttribute, type KeyedEntity } from '../pipeline/compiled.ts';
import { type Canon, cellReader, type KeyText, textOf } from './canonical-value.ts';
import { keyReader } from './key-book.ts';

/** Attributes that are not null, as one text. */
export function attributesText(entity: KeyedEntity, at: (name: string) => Canon | undefined): string {
  const names = entity.columns.filter(isAttribute).map(({ name }) => name);
  return textOf(names.flatMap((name) => ((at(name) ?? null) === null ? [] : [[name, at(name)]])).sort());
}

/** What an entity has published of its keys, up to a run. */
export interface EntityState {
  /** By key: the attributes that were published last. */
  attributes: Map<KeyText, string>;
  /** Keys of which a row was published that says something. */
  described: Set<KeyText>;
}

/** The state of each entity, run by run, in the order in which the runs finished. */
export class States {
  readonly #environment: Environment;
  readonly #runs: Manifest[];
  readonly #places: ReadonlyMap<string, number>;
  /** By entity: the runs that its state includes, and the state. */
  readonly #states = new Map<KeyedEntity, { runs: number; state: EntityState }>();

  constructor(environment: Environment, all: readonly Manifest[]) {
    this.#environment = environment;
    this.#runs = inOrderOfPublication(all);
    this.#places = new Map(this.#runs.map(({ runId }, i) => [runId, i]));
  }

  /** Whether a run had finished before another run finished. */
  isEarlier(runId: string, than: Manifest): boolean {
    const at = this.#places.get(runId);
    return at !== undefined && at < (this.#places.get(than.runId) ?? -1);
  }

  /** Keys of an index that this run and earlier ones numbered. */
  keysUntil({ runId }: Manifest, index: string): number {
    const until = (this.#places.get(runId) ?? -1) + 1;
    const entities = this.#runs.slice(0, until).flatMap((run) => run.entities);
    return entities.reduce((sum, { keys, rows }) => sum + (keys?.index === index ? rows : 0), 0);
  }

  /** What earlier runs published of an entity's keys. Valid until the next call. */
  async before(manifest: Manifest, entity: KeyedEntity): Promise<EntityState> {
    const until = this.#runs.findIndex(({ runId }) => runId === manifest.runId);
    let at = this.#states.get(entity);
    if (!at || at.runs > until) at = { runs: 0, state: { attributes: new Map(), described: new Set() } };
    this.#states.set(entity, at);
    for (; at.runs < until; at.runs++) {
      const run = this.#runs[at.runs]!;
      if (run.pipeline === manifest.pipeline) await this.#lay(run, entity, at.state);
    }
    return at.state;
  }

  async #lay({ output, entities }: Manifest, entity: KeyedEntity, state: EntityState): Promise<void> {
    const published = entities.find((one) => one.entity === entity.name);
    for (const { blob } of [...(published?.files ?? []), ...(published?.changes?.files ?? [])]) {
      const bytes = await this.#environment.store.read(output.container, blob);
      if (!bytes) continue;
      const table = readTable(bytes, blob);
      const readers = new Map(table.columns.map(({ name }) => [name, cellReader(table, name)]));
      const telling = [...readers].flatMap(([name, cell]) => (describes(entity, name) ? [cell] : []));
      const keyAt = keyReader(entity, (name) => cellReader(table, name));
      for (let row = 0; row < table.rows; row++) {
        const key = keyAt(row);
        if (key === undefined) continue;
        state.attributes.set(
          key,
          attributesText(entity, (name) => readers.get(name)?.(row)),
        );
        if (telling.some((cell) => cell(row) !== null)) state.described.add(key);
      }
    }
  }
}
