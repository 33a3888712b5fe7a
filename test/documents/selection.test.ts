/** What of a source may be named: inside its prefix, by a name that means one blob, with wildcards that are understood. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import {
  checkBlobInSource,
  checkGlobInSource,
  checkPrefixInSource,
  globMatcher,
  globPrefix,
} from '../../src/documents/selection.ts';
import type { OrdinalError } from '../../src/errors.ts';
import { limits } from '../../src/limits.ts';

const source = { container: 'landing', prefix: 'in/', suffix: '.parquet' };
type Check = typeof checkBlobInSource;

/** The refusal, or undefined. */
function refusal(check: Check, text: string): string | undefined {
  try {
    check(source as never, text, 'field');
  } catch (thrown) {
    const { code, where, message } = thrown as OrdinalError;
    assert.deepEqual([code, where], ['InvalidRequest', { field: 'field' }]);
    return message;
  }
  return undefined;
}

test('names, prefixes and patterns inside of the source are taken', () => {
  for (const name of ['in/a.parquet', 'in/a/b..c/.d.parquet', 'in/...parquet', 'in/ä .parquet'])
    assert.equal(refusal(checkBlobInSource, name), undefined, name);
  for (const prefix of ['in/', 'in/a', 'in/a/..b'])
    assert.equal(refusal(checkPrefixInSource, prefix), undefined, prefix);
  for (const glob of ['in/*', 'in/a.parquet', 'in/a/{b,c}?.parquet', `in/${'*'.repeat(limits.globWildcardsMax)}`])
    assert.equal(refusal(checkGlobInSource, glob), undefined, glob);
});

test('what is outside, or could mean another blob, is refused and says why', () => {
  const dots = /has a "\." or "\.\." folder$/;
  const odd = /has a backslash or a control character$/;
  const outside = /is outside the pipeline's source "in\/"$/;
  for (const [name, why] of [
    ['out/a.parquet', outside],
    ['In/a.parquet', outside],
    ['in/../a.parquet', dots],
    ['in/./a.parquet', dots],
    ['../in/a.parquet', dots],
    ['in/a\\b.parquet', odd],
    ['in/a\u0000.parquet', odd],
    ['in/a\u001f.parquet', odd],
    ['in/a\u007f.parquet', odd],
  ] as const) {
    for (const check of [checkBlobInSource, checkPrefixInSource]) assert.match(refusal(check, name) ?? '', why, name);
  }
  assert.match(refusal(checkBlobInSource, 'in/a.csv') ?? '', /does not end with the source's suffix "\.parquet"$/);
  assert.match(refusal(checkPrefixInSource, 'in/..') ?? '', dots);
  const whole = `out/${'x'.repeat(196)}`;
  assert.equal(refusal(checkBlobInSource, whole)?.startsWith(`blob "${whole}" is outside`), true);
  const long = `out/${'x'.repeat(300)}`;
  assert.match(refusal(checkBlobInSource, long) ?? '', /^blob "out\/x{193}\.\.\." is outside/);
  for (const [glob, why] of [
    ['*/in/a', outside],
    ['in/*/../b', dots],
    ['in/{a,..}/b', dots],
    ['in/{a,b', /has a brace without its partner$/],
    ['in/a}', /has a brace without its partner$/],
    ['in/{a{b}c}', /has a brace without its partner$/],
    [`in/${'*'.repeat(limits.globWildcardsMax + 1)}`, /has more than \d+ wildcards$/],
  ] as const)
    assert.match(refusal(checkGlobInSource, glob) ?? '', why, glob);
});

/** The same as a regular expression, by another rule for each token. */
function expressionOf(glob: string): RegExp {
  const tokens = [...glob.matchAll(/\*\*\/|\*\*|\*|\?|\{[^{}]*\}|[^*?{]+|\{/g)].map(([token]) => token);
  const plain = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const parts = tokens.map((token) => {
    if (token === '**/') return '(?:.*/)?';
    if (token === '**') return '.*';
    if (token === '*') return '[^/]*';
    if (token === '?') return '[^/]';
    if (token.length > 1 && token.startsWith('{')) return `(?:${token.slice(1, -1).split(',').map(plain).join('|')})`;
    return plain(token);
  });
  return new RegExp(`^${parts.join('')}$`, 's');
}

test('a pattern matches what a regular expression does, and begins with its prefix', () => {
  const glob = fc.array(fc.constantFrom('a', 'b', '/', '*', '**', '**/', '?', '{a,b/}', '{,ab}', '.'), {
    maxLength: 6,
  });
  const name = fc.array(fc.constantFrom('a', 'b', '/', 'ab', '.'), { maxLength: 7 });
  fc.assert(
    fc.property(glob, name, (tokens, pieces) => {
      const [pattern, text] = [tokens.join(''), pieces.join('')];
      const matches = globMatcher(pattern)(text);
      assert.equal(matches, expressionOf(pattern).test(text), `${pattern} of ${text}`);
      if (matches) assert.ok(text.startsWith(globPrefix(pattern)));
    }),
    { numRuns: 3000 },
  );
});
