/**
 * Orchestrators are replayed: they may know no clock, no randomness, no environment, no I/O but through their context.
 * Every declaration that can be reached from a registered orchestrator is held to that, in whatever file it is.
 */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { codeOf, type Declaration, reached, readSource } from './support/reach.ts';

const banned: [RegExp, string][] = [
  [/\bDate\.now\b/, 'the clock'],
  [/\bnew Date\(\s*\)/, 'the clock'],
  [/\bperformance\b/, 'the clock'],
  [/\bMath\.random\b|\brandomUUID\b|\bcrypto\./, 'randomness'],
  [/\bprocess\b/, 'the environment'],
  [/\bsetTimeout\b|\bsetInterval\b|\bsetImmediate\b/, 'timers of the process'],
  [/\bfetch\(|\bconsole\b/, 'I/O'],
  [/\basync\b|\bawait\b|\bPromise\b/, 'promises'],
];
/** What orchestrators may use of Node and of packages: pure functions. */
const pure = ['zod.z', 'node:crypto.createHash'];

function breaches({ code, uses }: Pick<Declaration, 'code' | 'uses'>): string[] {
  const found = banned.filter(([pattern]) => pattern.test(codeOf(code))).map(([, what]) => what);
  return [...found, ...uses.filter((name) => !pure.includes(name))];
}

const all = reached();
const files = [...new Set(all.map(({ file }) => file))].sort();

for (const file of files) {
  test(`what orchestrators reach of ${file} is deterministic`, () => {
    for (const declaration of all.filter((one) => one.file === file)) {
      assert.deepEqual(breaches(declaration), [], `${file}: ${declaration.name}`);
    }
  });
}

test('the walk comes to every orchestrator', () => {
  const names = new Set(all.map(({ name }) => name));
  for (const name of [
    'runOrchestrator',
    'shardOrchestrator',
    'tidyOrchestrator',
    'tellOrchestrator',
    'gatherOrchestrator',
  ]) {
    assert.ok(names.has(name), name);
  }
  // Through several files: helpers, schemas, entity calls.
  for (const name of [
    'withDeadline',
    'callAll',
    'askEntity',
    'runInputSchema',
    'OrdinalError',
    'limits',
    'pollSeconds',
  ]) {
    assert.ok(names.has(name), name);
  }
});

test('a clock that a helper of a helper looks at is found', () => {
  const planted = reached((file) =>
    readSource(file)
      .replace('export function pollSeconds(', 'const since = Date.now();\nexport function pollSeconds(')
      .replace('if (poll >= 100) return 60;', 'if (poll >= 100 || since) return 60;'),
  );
  const found = planted.filter((declaration) => breaches(declaration).length > 0);
  assert.deepEqual(
    found.map(({ name }) => name),
    ['since'],
  );
});

test('the ban bites', () => {
  const of = (code: string, uses: string[] = []) => breaches({ code, uses });
  assert.deepEqual(of('const now = Date.now(); // later'), ['the clock']);
  assert.deepEqual(of('await loadPlan()'), ['promises']);
  assert.deepEqual(of('readFileSync(name)', ['node:fs.readFileSync']), ['node:fs.readFileSync']);
  assert.deepEqual(of('/* Date.now() */ const at = df.currentUtcDateTime;'), []);
});
