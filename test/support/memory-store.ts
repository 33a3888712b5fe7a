/** The store in memory is part of `src/testing`; tests find it here as well. */
export { MemoryStore, type ReadRequest } from '../../src/testing/memory-store.ts';
