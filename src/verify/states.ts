/**
 * Computes what was published about each key's attributes before a run: an entity's rows with its changes applied. The
 * verifier uses it. It goes from run to run in order; for an earlier run it starts again from the first.
 */

import type { Manifest } from '../documents/documents.ts';
import { inOrderOfPublication } from '../documents/manifests.ts';
import type { Environment } from '../environment/environment.ts';
import { readTable } from '../parquet/table.ts';
import { isAttribute, type KeyedEntity } from '../pipeline/compiled.ts';
import { type Canon, cellReader, type KeyText, textOf } from './canonical-value.ts';
import { keyReader } from './key-book.ts';

/** Attributes that are not null, as one text. */
export function attributesText(entity: KeyedEntity, at: (name: string) => Canon | undefined): string {
  const names = entity.columns.filter(isAttribute).map(({ name }) => name);
  return textOf(names.flatMap((name) => ((at(name) ?? null) === null ? [] : [[name, at(name)]])).sort());
}

/** The state of each entity, run by run, in the order in which the runs finished. */
export class States {
  readonly #environment: Environment;
  readonly #runs: Manifest[];
  readonly #places: ReadonlyMap<string, number>;
  /** By entity: the runs that its state includes, and the state. */
  readonly #states = new Map<KeyedEntity, { runs: number; state: Map<KeyText, string> }>();

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

  /** For each key, the attributes that earlier runs published. Valid until the next call. */
  async before(manifest: Manifest, entity: KeyedEntity): Promise<ReadonlyMap<KeyText, string>> {
    const until = this.#runs.findIndex(({ runId }) => runId === manifest.runId);
    let at = this.#states.get(entity);
    if (!at || at.runs > until) at = { runs: 0, state: new Map() };
    this.#states.set(entity, at);
    for (; at.runs < until; at.runs++) {
      const run = this.#runs[at.runs]!;
      if (run.pipeline === manifest.pipeline) await this.#lay(run, entity, at.state);
    }
    return at.state;
  }

  async #lay({ output, entities }: Manifest, entity: KeyedEntity, state: Map<KeyText, string>): Promise<void> {
    const published = entities.find((one) => one.entity === entity.name);
    for (const { blob } of [...(published?.files ?? []), ...(published?.changes?.files ?? [])]) {
      const bytes = await this.#environment.store.read(output.container, blob);
      if (!bytes) continue;
      const table = readTable(bytes, blob);
      const readers = new Map(table.columns.map(({ name }) => [name, cellReader(table, name)]));
      const keyAt = keyReader(entity, (name) => cellReader(table, name));
      for (let row = 0; row < table.rows; row++) {
        const key = keyAt(row);
        if (key !== undefined)
          state.set(
            key,
            attributesText(entity, (name) => readers.get(name)?.(row)),
          );
      }
    }
  }
}
