/**
 * What a newer Ordinal wrote is refused by name, and left as it is: documents in blobs, and the states of sequences, leases
 * and arrivals.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import type { z } from 'zod';
import { reduceIntervals } from '../../src/arrival/arrival-intervals.ts';
import { manifestSchema, planSchema } from '../../src/documents/documents.ts';
import { OrdinalError } from '../../src/errors.ts';
import { headSchema, indexSchema } from '../../src/keys/index-documents.ts';
import { claimSchema } from '../../src/lives/claims.ts';
import { reduceLeaseAny } from '../../src/sequence/lease.ts';
import { reduceAny } from '../../src/sequence/reducer.ts';
import { readJson, readVersioned, writeJson } from '../../src/storage/json.ts';
import { MemoryStore } from '../../src/testing/memory-store.ts';

const documents: Record<string, z.ZodType> = {
  manifest: manifestSchema,
  claim: claimSchema,
  plan: planSchema,
  'key index': indexSchema,
  head: headSchema,
};

describe('a document of a newer Ordinal', () => {
  for (const [name, schema] of Object.entries(documents)) {
    it(`is refused by name: ${name}`, async () => {
      const store = new MemoryStore();
      await store.ensureContainer('work');
      // Whatever else is in it: the version alone decides.
      await writeJson(store, 'work', `${name}.json`, { version: 1000, further: true });
      for (const read of [readJson, readVersioned]) {
        await assert.rejects(read(store, 'work', `${name}.json`, schema), (thrown: unknown) => {
          assert.ok(thrown instanceof OrdinalError);
          assert.equal(thrown.code, 'NewerVersion');
          assert.match(
            thrown.message,
            new RegExp(`^"work/${name}.json" is of version 1000, and this Ordinal reads up to \\d$`),
          );
          assert.deepEqual(thrown.where, { blob: `${name}.json` });
          assert.equal(thrown.remedy, 'Deploy the newer Ordinal again, which wrote it.');
          return true;
        });
      }
      // The same with a version that is known is damaged, and no other version's.
      await writeJson(store, 'work', `${name}.json`, { version: 1, further: true });
      await assert.rejects(readJson(store, 'work', `${name}.json`, schema), { code: 'CorruptFile' });
    });
  }
});

describe('a durable state of a newer Ordinal', () => {
  const state = { version: 1000, further: true } as never;
  const reducers = {
    sequence: () => reduceAny(state, { kind: 'reserve', owner: 'a', count: 1, start: '1', step: '1' }),
    lease: () => reduceLeaseAny(state, { kind: 'acquire', owner: 'a', attempt: 1 }),
    arrivals: () => reduceIntervals(state, { kind: 'show' }),
  };
  for (const [name, reduce] of Object.entries(reducers)) {
    it(`is refused by name, and kept: ${name}`, () => {
      const check = (error: { code: string; message: string }) => {
        assert.equal(error.code, 'NewerVersion');
        assert.equal(
          error.message,
          `the stored state of the ${name} is of version 1000, and this Ordinal reads up to 1`,
        );
      };
      let reduced: ReturnType<typeof reduce>;
      try {
        reduced = reduce();
      } catch (thrown) {
        // The adapter answers with it, and leaves the state alone.
        assert.ok(thrown instanceof OrdinalError);
        check(thrown);
        return;
      }
      assert.equal(reduced.state, state);
      assert.ok(!reduced.result.ok);
      check((reduced.result as { error: { code: string; message: string } }).error);
    });
  }
});
