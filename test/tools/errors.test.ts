/** The table of error codes is complete: it is what the code says, each code has a cause and a remedy, and is used. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';
import { codesIn, errorsPage } from '../../tools/api/errors.ts';
import { checksInstalled } from '../../tools/peers.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const codes = checksInstalled ? codesIn(root) : [];

describe.skipIf(!checksInstalled)('docs/errors.md', () => {
  it('is what the sources say: npm run docs:errors', () => {
    assert.equal(readFileSync(path.join(root, 'docs/errors.md'), 'utf8'), errorsPage(root));
  });

  it('has a cause and a remedy for each code', () => {
    assert.ok(codes.length > 30);
    const silent = codes.filter(
      ({ cause, remedy, group }) => !cause.endsWith('.') || !remedy.endsWith('.') || group === '',
    );
    assert.deepEqual(silent, []);
  });

  it('has the codes that the sources throw, and no other', () => {
    const texts = globSync(['src/**/*.ts', 'cli/**/*.ts'], { cwd: root })
      .map((name) => readFileSync(path.join(root, name), 'utf8'))
      // Of src/errors.ts, what stands behind the list of codes.
      .map((text) => text.slice(Math.max(0, text.indexOf('export interface ErrorLocation'))));
    const thrown = new Set(
      texts.flatMap((text) => [...text.matchAll(/OrdinalError\(\s*'(\w+)'/g)].map(([, code]) => code!)),
    );
    const told = new Set(codes.map(({ code }) => code));
    assert.deepEqual(
      [...thrown].filter((code) => !told.has(code)),
      [],
    );
    const unused = [...told].filter((code) => !texts.some((text) => text.includes(`'${code}'`)));
    assert.deepEqual(unused, []);
  });
});
