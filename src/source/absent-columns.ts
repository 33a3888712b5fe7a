/**
 * Contract columns that a file lacks and may lack: the footer gets them as columns of nulls, so that nothing behind it
 * need know. The plan, the split, the preview and the verifier call it. It must never add a column that the contract
 * demands.
 */

import { encodeNulls } from '../parquet/encode-pages.ts';
import { outputCodec } from '../parquet/readers.ts';
import type { ChunkMeta, Codec, FileMeta, Leaf } from '../parquet/types.ts';
import type { ContractColumn } from '../pipeline/compiled.ts';

/**
 * A footer with the optional columns that the file lacks. Each chunk of such a column brings its own bytes.
 *
 * @param meta the file's footer.
 * @param contract the row contract.
 * @returns the footer; the same one where nothing is missing.
 */
export function withAbsent(meta: FileMeta, contract: readonly ContractColumn[]): FileMeta {
  const names = new Set(meta.leaves.flatMap(namesOf));
  const isAbsent = ({ name, mayLack, mayLackIn = [] }: ContractColumn) =>
    !names.has(name) && (mayLack || mayLackIn.some((group) => !names.has(group)));
  const absent = contract.filter(isAbsent);
  if (absent.length === 0) return meta;
  const leaves = absent.map(
    ({ name, emptyType }, i): Leaf => ({
      name,
      ordinal: meta.leaves.length + i,
      type: emptyType,
      optional: true,
      nested: false,
      absent: true,
    }),
  );
  const known = new Map<string, ChunkMeta>();
  const rowGroups = meta.rowGroups.map(({ rows, chunks }) => {
    const codec = outputCodec(chunks[0]?.codec ?? 'UNCOMPRESSED', undefined);
    const chunk = known.get(`${rows} ${codec}`) ?? chunkOfNulls(rows, codec);
    known.set(`${rows} ${codec}`, chunk);
    return { rows, chunks: [...chunks, ...absent.map(() => chunk)] };
  });
  return { ...meta, leaves: [...meta.leaves, ...leaves], rowGroups };
}

/** Names of a column, and of the groups that it is in; of a list or a map the first only. */
function namesOf({ name, nested, path = [] }: Leaf): string[] {
  if (nested) return [name.split('.')[0]!];
  const groups = path.slice(1).map((_, depth) => path.slice(0, depth + 1));
  return [name, ...groups.map((group) => group.map((element) => element.name).join('.'))];
}

function chunkOfNulls(rows: number, codec: Codec): ChunkMeta {
  const { meta, parts } = encodeNulls(rows, codec);
  return { ...meta, start: 0, bytes: Buffer.concat(parts) };
}
