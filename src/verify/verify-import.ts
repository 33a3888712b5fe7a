/**
 * Verifies imported keys: their file is what the manifest says, no key and no ID is there twice, and no run has given one
 * of the IDs. The command `verify` calls it. It changes nothing.
 */
import { crcOf, crcText } from '../bytes/crc32.ts';
import type { ImportManifest } from '../documents/imports.ts';
import type { Manifest } from '../documents/manifest.ts';
import type { Environment } from '../environment/environment.ts';
import { commonId, fromJson, placeAmong } from '../sequence/id-range.ts';
import type { KeyBook } from './key-book.ts';
import type { VerifyReport } from './verify.ts';

export async function verifyImport(
  { store }: Environment,
  manifest: ImportManifest,
  all: readonly Manifest[],
  book: KeyBook,
): Promise<VerifyReport> {
  const { importId, index, container, file, sequence } = manifest;
  const runId = `import ${importId}`;
  const findings = [...(book.findings.get(runId) ?? [])];
  const bytes = await store.read(container, file.blob);
  if (bytes && bytes.byteLength !== file.bytes)
    findings.push(`${file.blob}: has ${bytes.byteLength} bytes, not ${file.bytes}`);
  if (bytes && crcText(crcOf([bytes])) !== file.crc32) findings.push(`${file.blob}: has another checksum`);
  if (file.rows !== manifest.keys) findings.push(`${file.blob}: ${file.rows} rows, but ${manifest.keys} keys`);
  const ids = book.importedIds.get(index) ?? new BigInt64Array(0);
  for (let i = 1; i < ids.length; i++) if (ids[i] === ids[i - 1]) findings.push(`ID ${ids[i]} is that of two keys`);
  for (const other of new Set(book.imports.filter((one) => one.sequence === sequence).map((one) => one.index))) {
    const both =
      other === index ? undefined : book.importedIds.get(other)?.find((id) => ids[placeAmong(ids, id)] === id);
    if (both !== undefined)
      findings.push(`ID ${both} is that of a key in index "${other}" too, and both draw on "${sequence}"`);
  }
  for (const { runId: run, sequences } of all) {
    const drawn = sequences[sequence];
    const step = BigInt(drawn?.step ?? 1);
    for (const range of drawn?.ranges.map(fromJson) ?? []) {
      const both = commonId(ids, range, step);
      if (both !== undefined) findings.push(`ID ${both} was imported, and given by run ${run}`);
    }
  }
  return { runId, pipeline: index, files: 1, rows: file.rows, compared: null, findings, notes: [], unread: 0 };
}
