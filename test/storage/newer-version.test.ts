/**
 * What a newer Ordinal wrote is refused by name, and left as it is: every document in blobs, every layout that is not JSON,
 * and the states of entities. All of them are found in the code, and stand in the table of docs/upgrades.md.
 */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, it } from 'vitest';
import { z } from 'zod';
import { reduceIntervals } from '../../src/arrival/arrival-intervals.ts';
import { OrdinalError } from '../../src/errors.ts';
import { readBlocks, segmentOf } from '../../src/keys/segment.ts';
import { reduceLeaseAny } from '../../src/sequence/lease.ts';
import { reduceAny } from '../../src/sequence/reducer.ts';
import { readKeyList, writeKeyList } from '../../src/split/keys/key-list-file.ts';
import { packFrame, unpackFrame } from '../../src/storage/frame.ts';
import { parseJson, readJson, readVersioned, type StoredDocument, writeJson } from '../../src/storage/json.ts';
import { MemoryStore } from '../../src/testing/memory-store.ts';
import { tableOf } from '../keys/support.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const remedy = 'Deploy the newer Ordinal again, which wrote it.';

/** Schemas of documents by the names of their exports, and what docs/upgrades.md calls them. */
const documents: Readonly<Record<string, string>> = {
  manifestSchema: 'manifest of a run',
  importManifestSchema: 'manifest of an import of keys',
  latestSchema: 'pointer to the newest manifest',
  publishedRunsSchema: "summary of a pipeline's manifests",
  indexSchema: 'key index',
  headSchema: "head of a key index's partition",
  importDraftSchema: 'draft of an import of keys',
  ledgerSchema: 'head of a ledger',
  lastIdentitySchema: "identity of a pipeline's last run",
  claimSchema: 'claim of a life',
  selectionListSchema: 'list of blobs that a run was started with',
  refusalDocumentSchema: 'refusal of a blob that arrived',
  withdrawalSchema: 'withdrawal of a run',
  timelineSchema: 'times of a life',
  backfillRequestSchema: 'request of a backfill',
  backfillPlanSchema: 'plan of a backfill',
  partsSchema: "page of a backfill's parts",
  planSchema: 'plan of a life',
  taskNotesSchema: 'tasks of a short life that have ended',
  listingSchema: 'listing of source files',
  filesSchema: 'source files, their footers read',
  splitAgainSchema: 'batches that are split again',
  resolutionDocumentSchema: 'what a resolve came to',
  idsSchema: 'IDs of a life',
  sealedSchema: 'what a seal leaves',
  publishedDocumentSchema: 'what the publishing of a file leaves',
  previewDocumentSchema: 'preview of a dry run',
};

/** States of entities, each with its reducer: what the adapter of the entity calls. */
const newerState = { version: 1000, further: true } as never;
const states: Readonly<Record<string, () => { state: unknown; result: object }>> = {
  sequence: () => reduceAny(newerState, { kind: 'reserve', owner: 'a', count: 1, start: '1', step: '1' }),
  lease: () => reduceLeaseAny(newerState, { kind: 'acquire', owner: 'a', attempt: 1 }),
  arrivals: () => reduceIntervals(newerState, { kind: 'show' }),
};

/** A layout: what docs/upgrades.md calls it, bytes that this code wrote, where in them the digit is, and how they are read. */
interface Layout {
  what: string;
  bytes: Uint8Array;
  digitAt: number;
  read(bytes: Uint8Array): Promise<void>;
}

function layouts(): Layout[] {
  const segment = segmentOf(tableOf(['a', 'b']));
  const frame = packFrame({ rows: 1 }, [new Int32Array([1, 2])]);
  const values = { kind: 'int32', length: 1, data: new Int32Array([5]) } as const;
  const list = writeKeyList([{ name: 'n', type: { physical: 'INT32' } as never, values, valid: undefined }], 1);
  return [
    {
      what: 'segment of a key index or a ledger',
      bytes: segment.bytes,
      digitAt: segment.bytes.length - 1,
      async read(bytes) {
        const store = new MemoryStore();
        await store.ensureContainer('work');
        await store.write('work', 'blob', bytes);
        for await (const block of readBlocks(store, 'work', { blob: 'blob', ...segment.place }))
          assert.equal(block.values.length, 2);
      },
    },
    {
      what: 'frame: record of a batch, staged rows of keys',
      bytes: frame,
      digitAt: 3,
      read: async (bytes) => void unpackFrame(bytes, 'blob'),
    },
    { what: 'key list of a batch', bytes: list, digitAt: 3, read: async (bytes) => void readKeyList(bytes, 'blob') },
  ];
}

/** By name of its export: each schema in `src/` that states its version, with that version. */
async function schemasOfCode(): Promise<Map<string, z.ZodType<StoredDocument>>> {
  const found = new Map<string, z.ZodType<StoredDocument>>();
  for (const name of await readdir(path.join(root, 'src'), { recursive: true })) {
    if (!name.endsWith('.ts')) continue;
    const file = path.join(root, 'src', name);
    const stated = (await readFile(file, 'utf8')).match(/^(?! \*).*\bversion: z\.literal\(/gm)?.length ?? 0;
    // What is a state and no document: `states` has it.
    if (stated === 0 || /^(sequence|arrival)[/\\]/.test(name)) continue;
    const before = found.size;
    for (const [key, value] of Object.entries((await import(pathToFileURL(file).href)) as object)) {
      if (value instanceof z.ZodObject && value.shape.version instanceof z.ZodLiteral)
        found.set(key, value as unknown as z.ZodType<StoredDocument>);
    }
    assert.equal(found.size - before, stated, `${name} exports each schema that states a version`);
  }
  return found;
}

const versionOf = (schema: z.ZodType) => {
  const { version } = (schema as z.ZodObject).shape as { version: z.ZodLiteral };
  return Math.max(...[...version.values].map(Number));
};

const schemas = await schemasOfCode();

const refuses = (what: string, version: number, known: number) => (thrown: unknown) => {
  assert.ok(thrown instanceof OrdinalError);
  assert.deepEqual(
    { code: thrown.code, message: thrown.message, remedy: thrown.remedy },
    {
      code: 'NewerVersion',
      message: `${what} is of version ${version}, and this Ordinal reads up to ${known}`,
      remedy,
    },
  );
  return true;
};

describe('a document of a newer Ordinal', () => {
  it('is one of those that this test names', () => {
    assert.deepEqual([...schemas.keys()].sort(), Object.keys(documents).sort());
  });

  for (const [name, schema] of schemas) {
    it(`is refused by name: ${documents[name]}`, async () => {
      const store = new MemoryStore();
      await store.ensureContainer('work');
      // Whatever else is in it: the version alone decides.
      await writeJson(store, 'work', 'blob', { version: 1000, further: true });
      const refused = refuses('"work/blob"', 1000, versionOf(schema));
      for (const read of [readJson, readVersioned]) await assert.rejects(read(store, 'work', 'blob', schema), refused);
      // The same with a version that is known is damaged, and no other version's. So is one without a version.
      for (const damaged of ['{"version":1,"further":true}', '{"further":true}']) {
        assert.throws(() => parseJson(new TextEncoder().encode(damaged), 'work', 'blob', schema), {
          code: 'CorruptFile',
        });
      }
    });
  }

  it('cannot be read by a schema that states no version', () => {
    const lax = z.object({ version: z.int() });
    assert.throws(() => parseJson(new TextEncoder().encode('{"version":1}'), 'work', 'blob', lax), {
      code: 'Internal',
    });
  });
});

describe('a layout of a newer Ordinal', () => {
  for (const { what, bytes, digitAt, read } of layouts()) {
    it(`is refused by name: ${what}`, async () => {
      await read(bytes);
      const newer = Uint8Array.from(bytes);
      const known = bytes[digitAt]! - 0x30;
      newer[digitAt] = bytes[digitAt]! + 1;
      await assert.rejects(read(newer), refuses('"blob"', known + 1, known));
      newer[digitAt] = 0x20;
      await assert.rejects(read(newer), { code: 'CorruptFile' });
    });
  }
});

describe('a durable state of a newer Ordinal', () => {
  for (const [name, reduce] of Object.entries(states)) {
    it(`is refused by name, and kept: ${name}`, () => {
      const refused = refuses(`the stored state of the ${name}`, 1000, 1);
      let reduced: ReturnType<typeof reduce>;
      try {
        reduced = reduce();
      } catch (thrown) {
        // The adapter answers with it, and leaves the state alone.
        refused(thrown);
        return;
      }
      assert.equal(reduced.state, newerState);
      const { ok, error } = reduced.result as { ok: boolean; error: OrdinalError };
      assert.equal(ok, false);
      refused(new OrdinalError(error.code, error.message, error));
    });
  }
});

it('docs/upgrades.md lists all of them, with their versions', async () => {
  const text = await readFile(path.join(root, 'docs/upgrades.md'), 'utf8');
  const table = /^\| what \| where \| version \|\n\|[^\n]*\n((?:\|[^\n]*\n)+)/m.exec(text);
  assert.ok(table);
  const listed = table[1]!
    .trim()
    .split('\n')
    .map((row) => row.split('|').map((cell) => cell.trim()));
  assert.deepEqual(
    listed.map(([, what, , version]) => `${what}: ${version}`).sort(),
    [
      ...[...schemas].map(([name, schema]) => `${documents[name]}: ${versionOf(schema)}`),
      ...layouts().map(({ what, bytes, digitAt }) => `${what}: ${bytes[digitAt]! - 0x30}`),
      ...Object.keys(states).map((name) => `state of ${/s$/.test(name) ? '' : 'a '}${name}: 1`),
    ].sort(),
  );
});
