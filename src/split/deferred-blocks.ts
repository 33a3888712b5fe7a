/**
 * Small static blocks of a batch. They wait in the batch's blob until the seal, and become one block with the late
 * pieces beside them: one request costs more than moving so few bytes twice. The split puts them aside, and the seal
 * takes them up. A row group of a small file is so one block.
 */

import { crcOf } from '../bytes/crc32.ts';
import { OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';

/** What a split holds back. */
export class HeldBlocks {
  readonly #blocks: Uint8Array[] = [];
  #length = 0;

  /** Where the block begins among what is held; undefined when it is to be staged: it is large, or many are held. */
  hold(parts: readonly Uint8Array[]): number | undefined {
    const at = this.#length;
    const length = parts.reduce((sum, part) => sum + part.byteLength, 0);
    if (length > limits.heldBlockBytesMax || at + length > limits.heldBytesMax) return undefined;
    // A copy: the parts may be pieces of a whole row group's bytes, which would stay in memory with them.
    this.#blocks.push(Buffer.concat(parts));
    this.#length += length;
    return at;
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#blocks);
  }
}

/** One of the blocks that were held, from the bytes of all of them. Throws `CorruptFile`, which names the batch's blob. */
export function heldBlock(held: Uint8Array, at: number, length: number, crc: number, blob: string): Uint8Array {
  const block = held.subarray(at, at + length);
  if (block.byteLength === length && crcOf([block]) === crc) return block;
  throw new OrdinalError('CorruptFile', `"${blob}" does not hold the pages that were put there`, {
    where: { blob },
    remedy: 'Start the run anew under another ID: work in progress was damaged.',
  });
}
