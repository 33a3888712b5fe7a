/** Published files as a folder on the disk, so that an engine reads them by the addresses that SQL names. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { MemoryStore } from '../../support/memory-store.ts';

/** Copies all blobs of a container. Gives the folder that the container's own folder is in. */
export function copyOut(store: MemoryStore, container = 'published'): { folder: string; remove(): void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'ordinal-tables-'));
  for (const name of store.names(container)) {
    const file = path.join(folder, container, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, store.bytes(container, name));
  }
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
