/**
 * The door to encoding: pages, whole columns and ID sequences. Nothing is implemented here.
 */
export { dropUnused, encodeColumn, encodeDictionaryChunk } from './encode-column.ts';
export {
  type EncodedPages,
  type EncodePlainOptions,
  encodeDictionaryPage,
  encodeIndexPages,
  encodePlain,
  type PageOptions,
} from './encode-pages.ts';
export { encodeInt64Sequence, type Int64Run, type SequenceEncoding } from './int64-sequence.ts';
