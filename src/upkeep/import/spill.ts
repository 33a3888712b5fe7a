/**
 * Keys with their IDs on their way from a file's order into the order of hashes: each goes to the file of its range of
 * hashes, in a folder of its own, and one range at a time is read back. So memory holds one range, however many keys
 * there are. The import of keys uses it. The files lose their names at once, where the system allows it, so that nothing of
 * them stays when the process is killed.
 */
import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { invariant } from '../../errors.ts';
import { KeyTable } from '../../keys/table.ts';

/** Bytes of an entry before its key: hash, ID, row, length of the key. */
const HEAD_BYTES = 24;
const BUFFER_BYTES = 256 * 1024;

/** One range of hashes as it is read back. */
export interface SpilledRange {
  table: KeyTable;
  /** By ordinal of the table: the ID, and the row of the file. */
  ids: BigInt64Array;
  rows: Float64Array;
}

/** Two rows of the file that hold one key. */
export interface Repeated {
  key: Uint8Array;
  rows: [number, number];
}

/** Entries by range of hashes, in files of a folder of their own. */
export class Spill {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'ordinal-import-'));
  readonly #files: number[];
  readonly #buffers: Buffer[];
  readonly #used: Int32Array;
  readonly #counts: Int32Array;

  /** `ranges` of equal width, of all hashes. */
  constructor(ranges: number) {
    this.#files = Array.from({ length: ranges }, (_, range) => openSync(path.join(this.#folder, String(range)), 'w+'));
    try {
      this.#removeFolder();
    } catch {
      // Windows keeps what is open.
    }
    this.#buffers = this.#files.map(() => Buffer.allocUnsafe(BUFFER_BYTES));
    this.#used = new Int32Array(ranges);
    this.#counts = new Int32Array(ranges);
  }

  get ranges(): number {
    return this.#files.length;
  }

  /** Adds key [start, end) of `bytes`. */
  add(hash: number, id: bigint, row: number, bytes: Uint8Array, start: number, end: number): void {
    const range = Math.floor((hash / 2 ** 32) * this.#files.length);
    const need = HEAD_BYTES + end - start;
    if (this.#used[range]! + need > this.#buffers[range]!.length) this.#flush(range, need);
    const buffer = this.#buffers[range]!;
    const at = this.#used[range]!;
    buffer.writeUInt32LE(hash, at);
    buffer.writeUInt32LE(end - start, at + 4);
    buffer.writeBigInt64LE(id, at + 8);
    buffer.writeDoubleLE(row, at + 16);
    for (let i = start, k = at + HEAD_BYTES; i < end; i++, k++) buffer[k] = bytes[i]!;
    this.#used[range] = at + need;
    this.#counts[range]!++;
  }

  /** Ends the adding. */
  finish(): void {
    for (const range of this.#files.keys()) this.#flush(range, 0);
    this.#buffers.length = 0;
  }

  /** The keys of one range, or the first key that is there twice. */
  read(range: number): SpilledRange | Repeated {
    const count = this.#counts[range]!;
    const bytes = readAll(this.#files[range]!);
    const table = new KeyTable(count);
    const ids = new BigInt64Array(count);
    const rows = new Float64Array(count);
    for (let i = 0, at = 0; i < count; i++) {
      const start = at + HEAD_BYTES;
      const end = start + bytes.readUInt32LE(at + 4);
      const row = bytes.readDoubleLE(at + 16);
      const ordinal = table.internHashed(bytes.readUInt32LE(at), bytes, start, end);
      if (ordinal < i) return { key: bytes.subarray(start, end), rows: [rows[ordinal]!, row] };
      ids[i] = bytes.readBigInt64LE(at + 8);
      rows[i] = row;
      at = end;
    }
    return { table, ids, rows };
  }

  /** Removes the files. */
  remove(): void {
    for (const file of this.#files.splice(0)) closeSync(file);
    this.#removeFolder();
  }

  #removeFolder(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Writes what is buffered, and makes room for an entry of so many bytes. */
  #flush(range: number, need: number): void {
    const used = this.#used[range]!;
    if (used > 0) writeSync(this.#files[range]!, this.#buffers[range]!, 0, used);
    this.#used[range] = 0;
    if (need > this.#buffers[range]!.length) this.#buffers[range] = Buffer.allocUnsafe(need);
  }
}

function readAll(file: number): Buffer {
  const bytes = Buffer.allocUnsafe(fstatSync(file).size);
  for (let at = 0; at < bytes.length; ) {
    const read = readSync(file, bytes, at, bytes.length - at, at);
    invariant(read > 0, 'a spilled file is as long as it was');
    at += read;
  }
  return bytes;
}
