/** Orchestrators are replayed: they may know no clock, no randomness, no environment, no I/O but through their context. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'vitest';

const folder = new URL('../../src/', import.meta.url);
/** Modules whose code runs within an orchestration. */
const orchestrators = [
  'run/orchestrator.ts',
  'run/reserve-ids.ts',
  'run/complete-or-undo.ts',
  'run/leases.ts',
  'run/settle.ts',
  'run/settle-orphans.ts',
  'durable/fan-out.ts',
  'run/run-state.ts',
  'run/settle-terminated.ts',
  'durable/deadline.ts',
  'upkeep/orchestrations.ts',
];

const banned: [RegExp, string][] = [
  [/\bDate\.now\b/, 'the clock'],
  [/\bnew Date\(\s*\)/, 'the clock'],
  [/\bperformance\b/, 'the clock'],
  [/\bMath\.random\b|\brandomUUID\b|\bcrypto\b/, 'randomness'],
  [/\bprocess\b/, 'the environment'],
  [/\bsetTimeout\b|\bsetInterval\b|\bsetImmediate\b/, 'timers of the process'],
  [/\bfetch\(|\bconsole\b/, 'I/O'],
  [/\basync\b|\bawait\b|\bPromise\b/, 'promises'],
  [/from '(node:|@azure\/storage-blob|@azure\/identity)/, 'I/O'],
  [/from '(\.\.\/storage\/(?!names\.ts)|\.\.\/environment\/|\.\.\/documents\/load|\.\.\/source\/)/, 'the store'],
];

/** Comments may speak of what code may not do. */
const codeOf = (text: string) => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');

function breaches(text: string): string[] {
  const code = codeOf(text);
  return banned.filter(([pattern]) => pattern.test(code)).map(([, what]) => what);
}

for (const file of orchestrators) {
  test(`${file} is deterministic`, () => {
    const text = readFileSync(new URL(file, folder), 'utf8');
    assert.match(text, /\bdf\b/, 'an orchestrator module');
    assert.deepEqual(breaches(text), []);
  });
}

test('the ban bites', () => {
  assert.deepEqual(breaches('const now = Date.now(); // later'), ['the clock']);
  assert.deepEqual(breaches("import { loadPlan } from '../documents/load.ts';"), ['the store']);
  assert.deepEqual(breaches('/* Date.now() */ const at = df.currentUtcDateTime;'), []);
});
