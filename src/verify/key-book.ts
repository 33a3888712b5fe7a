/**
 * Reads every key of the key indexes as it was published, with its ID and the run that gave the ID, and finds keys that
 * have several IDs. `verify.ts` and the comparison of values use it. Its memory grows with the number of keys.
 */

import { type ImportManifest, publishedImports } from '../documents/imports.ts';
import type { Manifest } from '../documents/manifest.ts';
import { inOrderOfPublication } from '../documents/manifests.ts';
import type { Environment } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import { readTable, type Table } from '../parquet/table.ts';
import type { KeyedEntity } from '../pipeline/compiled.ts';
import { cellReader, type KeyText, keyText, shownCanon } from './canonical-value.ts';

export interface KnownKey {
  id: bigint;
  /** The run, or the import, that gave the ID. */
  runId: string;
  imported?: true;
}

export interface KeyBook {
  /** By key index. */
  keys: ReadonlyMap<string, ReadonlyMap<KeyText, KnownKey>>;
  /** By run: what is wrong with the keys to which it gave IDs. */
  findings: ReadonlyMap<string, string[]>;
  imports: readonly ImportManifest[];
  /** By key index: imported IDs, ascending. */
  importedIds: ReadonlyMap<string, BigInt64Array>;
}

/** Reads the keys of all runs, in the order in which they finished. Memory grows with the number of keys. */
export async function readKeyBook(environment: Environment, all: readonly Manifest[]): Promise<KeyBook> {
  const findings = new Map<string, string[]>();
  const keys = new Map<string, Map<KeyText, KnownKey>>();
  const imports = await publishedImports(environment);
  const importedIds = await readImports(environment, imports, keys, findings);
  for (const manifest of inOrderOfPublication(all)) {
    for (const entity of environment.pipelines.get(manifest.pipeline)?.entities ?? []) {
      if (entity.kind !== 'keyed') continue;
      const book = keys.get(entity.index) ?? new Map<KeyText, KnownKey>();
      keys.set(entity.index, book);
      for await (const { key, id } of publishedKeys(environment, manifest, entity)) {
        const known = book.get(key);
        if (known === undefined) {
          book.set(key, { id, runId: manifest.runId });
          continue;
        }
        const text = `${entity.name}: key ${shownCanon(key)} has ID ${known.id} by run ${known.runId}, and ${id} by ${manifest.runId}`;
        for (const run of new Set([known.runId, manifest.runId]))
          findings.set(run, [...(findings.get(run) ?? []), text]);
      }
    }
  }
  return { keys, findings, imports, importedIds };
}

/** Takes in the imported keys: they are older than any run that knows them. */
async function readImports(
  { store }: Environment,
  imports: readonly ImportManifest[],
  keys: Map<string, Map<KeyText, KnownKey>>,
  findings: Map<string, string[]>,
): Promise<Map<string, BigInt64Array>> {
  const ids = new Map<string, bigint[]>();
  for (const { index, importId, container, file } of imports) {
    const runId = `import ${importId}`;
    const book = keys.get(index) ?? new Map<KeyText, KnownKey>();
    keys.set(index, book);
    const list = ids.get(index) ?? [];
    ids.set(index, list);
    const bytes = await store.read(container, file.blob);
    if (!bytes) {
      findings.set(runId, [`${file.blob}: is gone`]);
      continue;
    }
    const table = tableOf(bytes, file.blob);
    if (!table) {
      findings.set(runId, [`${file.blob}: cannot be read`]);
      continue;
    }
    const [id, ...components] = table.columns.map(({ name }) => cellReader(table, name));
    for (let row = 0; row < table.rows; row++) {
      const key = keyText(components.map((component) => component(row) ?? null));
      const given = BigInt(id!(row) as number | bigint);
      list.push(given);
      const known = key === undefined ? undefined : book.get(key);
      if (key !== undefined && !known) book.set(key, { id: given, runId, imported: true });
      else findings.set(runId, [...(findings.get(runId) ?? []), `key ${shownCanon(key)} was imported before`]);
    }
  }
  return new Map([...ids].map(([index, list]) => [index, BigInt64Array.from(list).sort()]));
}

/** Undefined for a file that is damaged. */
function tableOf(bytes: Uint8Array, blob: string): Table | undefined {
  try {
    return readTable(bytes, blob);
  } catch (thrown) {
    if (thrown instanceof OrdinalError) return undefined;
    throw thrown;
  }
}

async function* publishedKeys(
  { store }: Environment,
  manifest: Manifest,
  entity: KeyedEntity,
): AsyncIterable<{ key: KeyText; id: bigint }> {
  const published = manifest.entities.find((one) => one.entity === entity.name);
  for (const { blob } of published?.files ?? []) {
    const bytes = await store.read(manifest.output.container, blob);
    if (!bytes) continue;
    try {
      const table = readTable(bytes, blob);
      const keyAt = keyReader(entity, (name) => cellReader(table, name));
      const idAt = cellReader(table, entity.columns[0]!.name);
      for (let row = 0; row < table.rows; row++) {
        const key = keyAt(row);
        const id = idAt(row);
        if (key !== undefined && (typeof id === 'number' || typeof id === 'bigint')) yield { key, id: BigInt(id) };
      }
    } catch {
      // The verification of the run itself reports a file that is gone or damaged.
    }
  }
}

/** Reads the natural key of a published row of an entity. */
export function keyReader(
  entity: KeyedEntity,
  cells: (name: string) => (row: number) => ReturnType<ReturnType<typeof cellReader>>,
): (row: number) => KeyText | undefined {
  const components = entity.columns.filter(({ kind }) => kind === 'key').map(({ name }) => cells(name));
  return (row) => keyText(components.map((component) => component(row) ?? null));
}
