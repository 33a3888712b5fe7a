/** The checks that look at blobs, manifest and status without opening a data file: right passes, each fault is found. */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import type { ListedBlob } from '../../demo/blobs.ts';
import { checkListing, checkManifest, checkNoNewKeys, checkReported, checkUntouched } from '../../demo/published.ts';
import type { RunEntity, RunStatus } from '../../demo/runs.ts';

const file = { blob: 'flights/airports/r1-00000.parquet', rows: 3, bytes: 900 };
const airports: RunEntity = { entity: 'airports', rows: 3, files: [file], bytes: 900, firstId: '1', lastId: '3' };
const status: RunStatus = {
  runId: 'r1',
  pipeline: 'flights',
  status: 'Completed',
  phase: 'done',
  batches: { done: 1, total: 1 },
  rows: { done: 10, total: 10 },
  entities: [airports],
};
const listed: ListedBlob[] = [
  { name: 'flights/_manifests/r1.json', bytes: 10, etag: '"m"' },
  { name: file.blob, bytes: 900, etag: '"a"' },
];
const source: ListedBlob = { name: 'flights/in.parquet', bytes: 5, etag: '"s"' };
const manifest = { runId: 'r1', inputs: [{ blob: source.name, etag: '"s"', rows: 10 }], entities: [airports] };

describe('checks from outside', () => {
  it('pass when all is right', () => {
    const checks = [
      checkListing(listed, [status]),
      checkUntouched(listed, listed),
      checkReported([airports], new Map([['airports', 3]])),
      checkManifest(JSON.stringify(manifest), status, source),
      ...checkNoNewKeys([{ ...airports, rows: 0 }], ['airports', 'routes']),
    ];
    assert.equal(checks.length, 6);
    for (const check of checks) assert.equal(check.ok, true, check.fault);
  });

  it('find a blob of no run, a missing one, and one of another size', () => {
    const extra = { name: 'flights/airports/r0-00000.parquet', bytes: 1, etag: '"x"' };
    assert.match(checkListing([...listed, extra], [status]).fault ?? '', /r0-00000.parquet is of no run/);
    assert.match(checkListing([], [status]).fault ?? '', /r1-00000.parquet is missing/);
    assert.match(checkListing([{ ...listed[1]!, bytes: 901 }], [status]).fault ?? '', /has 901 bytes, not 900/);
  });

  it('find a file that was written again or removed', () => {
    assert.equal(checkUntouched(listed, [{ ...listed[1]!, etag: '"b"' }]).fault, file.blob);
    assert.equal(checkUntouched(listed, []).fault, file.blob);
  });

  it('find figures that the files do not bear out', () => {
    const rows = new Map([['airports', 3]]);
    assert.equal(checkReported([{ ...airports, rows: 4 }], rows).ok, false);
    assert.equal(checkReported([{ ...airports, lastId: '4' }], rows).ok, false);
    assert.equal(checkReported([{ ...airports, files: [{ ...file, rows: 2 }] }], rows).ok, false);
    assert.equal(checkReported([airports], new Map()).ok, false);
  });

  it('find a manifest of another input, file or range', () => {
    const check = (over: object): string | undefined =>
      checkManifest(JSON.stringify({ ...manifest, ...over }), status, source).fault;
    assert.match(check({ runId: 'r2' }) ?? '', /it is of run r2/);
    assert.match(check({ inputs: [{ ...manifest.inputs[0], etag: '"t"' }] }) ?? '', /its inputs are not/);
    assert.match(check({ inputs: [...manifest.inputs, ...manifest.inputs] }) ?? '', /its inputs are not/);
    assert.match(check({ entities: [] }) ?? '', /airports is/);
    assert.match(check({ entities: [{ ...airports, lastId: '4' }] }) ?? '', /airports is/);
  });

  it('find keys that were given new IDs', () => {
    const [check] = checkNoNewKeys([airports], ['airports']);
    assert.equal(check?.fault, '3 keys were given a new ID');
  });
});
