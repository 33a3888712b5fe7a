/** The type checker's messages, as a pipeline author reads them: where they stand, and that they name the remedy. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { compile } from '../../src/pipeline/compile.ts';

/** Each line of code is one entity (`name: rows(...)`) of a pipeline, each has its own message. */
const mistakes: [code: string, message: RegExp][] = [
  [`a: rows({ id: id('i'), columns: { day: 'dat' } })`, /Did you mean '"date"'\?/],
  [`b: rows({ id: id('i'), columns: { n: map('dalay', () => 1, type.int32) } })`, /'"dalay"'.*"date" \| "delay"/],
  [`c: rows({ id: id('i'), where: where(['delya'], () => true), columns: {} })`, /Did you mean '"delay"'\?/],
  [`d: keyed({ id: id('i'), key: { code: 'orign' } })`, /Did you mean '"origin"'\?/],
  [
    `e: rows({ id: id('i'), columns: { origin_id: ref('airport', { code: 'origin' }) } })`,
    /Mistake<"origin_id: there is no keyed entity 'airport'", ("airports" \| "d"|"d" \| "airports")>/,
  ],
  [
    `f: rows({ id: id('i'), columns: { origin_id: ref('airports', { cod: 'origin' }) } })`,
    /Mistake<"origin_id: key 'code' of 'airports' is missing", "code">/,
  ],
  [
    `g: rows({ id: id('i'), columns: { origin_id: ref('airports', { code: 'delay' }) } })`,
    /"origin_id: key 'code' of 'airports' is a string, source column 'delay' is a number"/,
  ],
  [
    `h: rows({ id: id('i'), columns: { n: map('delay', (d: string) => 1 + d.length, type.int32) } })`,
    /'\(d: string\) => number' is not assignable to parameter of type '\(value: number\) => number \| null'/,
  ],
  [
    `j: rows({ id: id('i'), columns: { n: compute(['delay'], (d) => d, type.boolean) } })`,
    /'number' is not assignable to type 'boolean \| null'/,
  ],
];

test('messages of the type checker, and none for the guide', async () => {
  const head = [
    `import { z } from 'zod';`,
    `import { pipeline, type } from '../../../src/pipeline/index.ts';`,
    `const row = z.object({ date: z.date(), delay: z.int(), origin: z.string() });`,
    `const source = { container: 'landing', prefix: 'flights/' };`,
    `pipeline({ name: 'flights', source, row, entities: ({ keyed, rows, id, ref, map, compute, where }) => ({`,
    `airports: keyed({ id: id('airport_id'), key: { code: z.string() } }),`,
  ];
  const lines = [...head, ...mistakes.map(([code]) => `${code},`), '}) });'];
  const directory = mkdtempSync(join(import.meta.dirname, '.messages-'));
  try {
    writeFileSync(join(directory, 'mistakes.ts'), lines.join('\n'));
    writeFileSync(join(directory, 'guide.ts'), guideExample());
    const config = { extends: '../../../tsconfig.json', include: ['*.ts'] };
    writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(config));
    const tsc = join(import.meta.dirname, '../../node_modules/typescript/bin/tsc');
    const run = spawnSync(process.execPath, [tsc, '--noEmit', '--pretty', 'false', '-p', directory], {
      encoding: 'utf8',
    });
    const messages = run.stdout.split(/\n(?! )/).filter((m) => m.trim() !== '');
    for (const [i, [code, expected]] of mistakes.entries()) {
      const line = `mistakes.ts(${head.length + 1 + i},`;
      const here = messages.filter((m) => m.includes(line));
      assert.ok(
        here.some((m) => expected.test(m)),
        `${code}\nexpected ${expected}, got:\n${here.join('\n') || run.stdout}`,
      );
    }
    assert.deepEqual(
      messages.filter((m) => m.includes(`mistakes.ts(${head.length},`)),
      [],
      'airports is right',
    );
    assert.ok(!run.stdout.includes('guide.ts'), run.stdout);
    const guide = await import(join(directory, 'guide.ts'));
    assert.equal(compile(guide.default).name, 'tickets');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

/** The pipeline in `docs/pipelines.md`. */
function guideExample(): string {
  const guide = readFileSync(join(import.meta.dirname, '../../docs/pipelines.md'), 'utf8');
  const code = /^```ts\n([\s\S]*?)^```$/m.exec(guide)?.[1];
  assert.ok(code !== undefined);
  return code.replace('../src/', '../../../src/');
}
