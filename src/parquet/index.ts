/** The Parquet format as a small library: no I/O, no pipelines. See README.md beside this file. */
export * from './bytes-builder.ts';
export * from './codecs.ts';
export { CREATED_BY, isDictionaryEncoding, MAGIC, widthOf } from './constants.ts';
export * from './decode.ts';
export { buildDictionary } from './dictionary.ts';
export * from './encode.ts';
export * from './footer-read.ts';
export * from './footer-write.ts';
export * from './logical.ts';
export { type ChunkShape, chunkShape, type Page, readPages } from './pages.ts';
export { statisticsOf } from './statistics.ts';
export * from './table.ts';
export type * from './types.ts';
export * from './values.ts';
