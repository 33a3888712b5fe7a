/** The table of error codes is complete: it is what the code says, each code has a cause and a remedy, and is used. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';
import { codesIn, errorsPage } from '../../tools/api/errors.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const codes = codesIn(root);

describe('docs/errors.md', () => {
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
    const texts = globSync(['src/**/*.ts', 'cli/*.ts'], { cwd: root })
      .filter((name) => name !== path.normalize('src/errors.ts'))
      .map((name) => readFileSync(path.join(root, name), 'utf8'));
    const thrown = new Set(
      texts.flatMap((text) => [...text.matchAll(/OrdinalError\(\s*'(\w+)'/g)].map(([, code]) => code!)),
    );
    const told = new Set(codes.map(({ code }) => code));
    assert.deepEqual(
      [...thrown].filter((code) => !told.has(code)),
      [],
    );
    const unused = [...told].filter((code) => !texts.some((text) => text.includes(`'${code}'`)));
    // What is no error of ours gets its code where errors are made, in `src/errors.ts`.
    assert.deepEqual(unused, []);
  });
});
