/**
 * States of tables that this process has read, so that who asks again reads only what was committed since. `delta-log.ts`
 * keeps and takes them. A state is used only where the listing still shows the very commits that it was made of: the log
 * decides, and what is lost here costs requests alone.
 */
import { limits } from '../limits.ts';
import type { BlobStore } from '../storage/store.ts';
import type { TableState } from './delta-actions.ts';
import type { TablePlace } from './table-format.ts';

/** By table, the one that was used last at the end. One for each store, because two may have tables of one name. */
const keptOf = new WeakMap<BlobStore, Map<string, TableState>>();

const nameOf = ({ container, folder }: TablePlace) => `${container}/${folder}`;

/** The state as it was kept: for the caller to change. */
export function takeState(place: TablePlace): TableState | undefined {
  const kept = keptOf.get(place.store)?.get(nameOf(place));
  return kept && copyOf(kept);
}

/** Keeps a state as it is now, if it is not too large. */
export function keepState(place: TablePlace, state: TableState): void {
  const all = keptOf.get(place.store) ?? new Map<string, TableState>();
  keptOf.set(place.store, all);
  all.delete(nameOf(place));
  all.set(nameOf(place), copyOf(state));
  let total = 0;
  for (const one of all.values()) total += sizeOf(one);
  for (const [name, one] of all) {
    if (total <= limits.keptTableEntriesMax) break;
    all.delete(name);
    total -= sizeOf(one);
  }
}

function sizeOf({ files, removed, transactions, commits }: TableState): number {
  return files.size + removed.size + transactions.size + commits.size;
}

function copyOf(state: TableState): TableState {
  const { files, removed, transactions, commits } = state;
  return {
    ...state,
    files: new Map(files),
    removed: new Map(removed),
    transactions: new Map(transactions),
    commits: new Map(commits),
  };
}
