/**
 * Staged blocks of one blob, in a folder that any number of threads and processes append to: each writer has a file of
 * bytes and one of lines `id offset length` beside it, so that staging is two appends and no file is made for it.
 */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

/** Bytes that a commit moves at a time. */
const COPY_BYTES = 1 << 20;
let scratch: Uint8Array | undefined;

interface Place {
  file: string;
  offset: number;
  length: number;
}

export class BlockLog {
  readonly #folder: string;
  #own: { bytes: number; lines: number; end: number } | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Appends a block. Returns its bytes. */
  stage(id: string, parts: readonly Uint8Array[]): number {
    // Whoever commits the blob deletes all writers' files.
    if (this.#own && fs.fstatSync(this.#own.lines).nlink === 0) this.close();
    this.#own ??= this.#open();
    const own = this.#own;
    const offset = own.end;
    for (const part of parts) {
      writeAll(own.bytes, part);
      own.end += part.byteLength;
    }
    // After the bytes: a line is only there when they are.
    fs.writeSync(own.lines, `${encodeURIComponent(id)} ${offset} ${own.end - offset}\n`);
    return own.end - offset;
  }

  /** Writes blocks one after the other to an open file. Returns the first that is not there; undefined when all are. */
  copyTo(target: number, ids: readonly string[]): string | undefined {
    const places = this.#places();
    const missing = ids.find((id) => !places.has(id));
    if (missing !== undefined) return missing;
    const files = new Map<string, number>();
    try {
      for (const id of ids) {
        const place = places.get(id)!;
        let file = files.get(place.file);
        if (file === undefined) {
          file = fs.openSync(place.file, 'r');
          files.set(place.file, file);
        }
        copy(file, place, target);
      }
    } finally {
      for (const file of files.values()) fs.closeSync(file);
    }
    return undefined;
  }

  /** Forgets all blocks, those of other writers too. */
  discard(): void {
    this.close();
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }

  close(): void {
    if (!this.#own) return;
    fs.closeSync(this.#own.bytes);
    fs.closeSync(this.#own.lines);
    this.#own = undefined;
  }

  #open(): { bytes: number; lines: number; end: number } {
    fs.mkdirSync(this.#folder, { recursive: true });
    const file = path.join(this.#folder, randomUUID());
    return { bytes: fs.openSync(file, 'wx'), lines: fs.openSync(`${file}.lines`, 'wx'), end: 0 };
  }

  /** Of a block that one writer staged twice the later one counts; of several writers', any: they are the same bytes. */
  #places(): Map<string, Place> {
    const places = new Map<string, Place>();
    if (!fs.existsSync(this.#folder)) return places;
    for (const name of fs.readdirSync(this.#folder)) {
      if (!name.endsWith('.lines')) continue;
      const file = path.join(this.#folder, name);
      for (const line of fs.readFileSync(file, 'utf8').split('\n')) {
        const [id, offset, length] = line.split(' ');
        if (!id) continue;
        const place = { file: file.slice(0, -'.lines'.length), offset: Number(offset), length: Number(length) };
        places.set(decodeURIComponent(id), place);
      }
    }
    return places;
  }
}

function copy(from: number, { offset, length }: Place, to: number): void {
  scratch ??= new Uint8Array(COPY_BYTES);
  for (let at = 0; at < length; ) {
    const read = fs.readSync(from, scratch, 0, Math.min(COPY_BYTES, length - at), offset + at);
    if (read === 0) throw new Error('a staged block is shorter than its line says');
    writeAll(to, scratch.subarray(0, read));
    at += read;
  }
}

export function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.byteLength; ) at += fs.writeSync(file, bytes, at);
}
