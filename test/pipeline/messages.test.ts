/** The type checker's messages, as a pipeline author reads them: where they stand, and that they name the remedy. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { compile } from '../../src/pipeline/compile.ts';

/**
 * Typical mistakes. Each line of code is one entity (`name: rows(...)`, or a literal) of a pipeline, or one whole pipeline where its
 * contract is wrong. `at` is where in the line the message stands, `text` its first 120 characters.
 */
const mistakes: { code: string; at: string; text: string }[] = [
  {
    code: `pipeline({ name: 'n', row: z.object({ tags: z.array(z.string()) }), source, entities })`,
    at: `row:`,
    text: `Property '"tags: z.array() is not a column: name flat columns only"' is missing in type 'ZodObject<{ tags: ZodArray<ZodS`,
  },
  {
    code: `pipeline({ name: 'o', row: z.object({ tag: z.string().default('') }), source, entities })`,
    at: `row:`,
    text: `Property '"tag: .default() never applies, for a column holds nulls: use .nullable(), and replace nulls in a map column"'`,
  },
  {
    code: `a: rows({ id: id('i'), columns: { day: 'dat' } })`,
    at: `day:`,
    text: `Type '"dat"' is not assignable to type '"date" | "delay" | "origin" | RowsColumn'. Did you mean '"date"'?`,
  },
  {
    code: `b: rows({ id: id('i'), columns: { n: map('dalay', () => 1, type.int32) } })`,
    at: `'dalay'`,
    text: `Argument of type '"dalay"' is not assignable to parameter of type '"date" | "delay" | "origin"'.`,
  },
  {
    code: `c: rows({ id: id('i'), where: where(['delya'], () => true), columns: {} })`,
    at: `'delya'`,
    text: `Type '"delya"' is not assignable to type '"date" | "delay" | "origin"'. Did you mean '"delay"'?`,
  },
  {
    code: `d: keyed({ id: id('i'), key: { code: 'orign' } })`,
    at: `code:`,
    text: `Type '"orign"' is not assignable to type '"date" | "delay" | "origin" | $ZodType<unknown, unknown, $ZodTypeInternals<unk`,
  },
  {
    code: `e: rows({ id: id('i'), columns: { origin_id: ref('airport', { code: 'origin' }) } })`,
    at: `e:`,
    text: `Property '"origin_id: there is no keyed entity 'airport'; did you mean 'airports'?"' is missing in type 'RowsEntity<{ re`,
  },
  {
    code: `f: rows({ id: id('i'), columns: { origin_id: ref('airports', { cod: 'origin' }) } })`,
    at: `f:`,
    text: `Property '"origin_id: 'airports' has no key 'cod'; did you mean 'code'?"' is missing in type 'RowsEntity<{ readonly orig`,
  },
  {
    code: `g: rows({ id: id('i'), columns: { origin_id: ref('airports', {}) } })`,
    at: `g:`,
    text: `Property '"origin_id: key 'code' of 'airports' is missing"' is missing in type 'RowsEntity<{ readonly origin_id: RefColu`,
  },
  {
    code: `h: rows({ id: id('i'), columns: { origin_id: ref('airports', { code: 'delay' }) } })`,
    at: `h:`,
    text: `Property '"origin_id: key 'code' of 'airports' is a string, source column 'delay' is a number"' is missing in type 'Rows`,
  },
  {
    code: `i: rows({ id: id('i'), columns: { origin_id: rowRef('airports') } })`,
    at: `i:`,
    text: `Property '"origin_id: 'airports' is a keyed entity; use ref('airports', { ... })"' is missing in type 'RowsEntity<{ read`,
  },
  {
    code: `j: rows({ id: id('i'), columns: { i: 'delay' } })`,
    at: `j:`,
    text: `Property '"i: the entity has a column 'i' twice; it is the ID already"' is missing in type 'RowsEntity<{ readonly i: "de`,
  },
  {
    code: `k: rows({ id: id('i', { sequence: 's' }), columns: { n: nextId('s') } })`,
    at: `k:`,
    text: `Property '"n: the entity takes two IDs from sequence 's'"' is missing in type 'RowsEntity<{ readonly n: NextIdColumn<"s"`,
  },
  {
    code: `l: rows({ id: id('i'), columns: { n: map('delay', (d: string) => 1 + d.length, type.int32) } })`,
    at: `(d: string)`,
    text: `Argument of type '(d: string) => number' is not assignable to parameter of type '(value: number) => number | null'.`,
  },
  {
    code: `m: rows({ id: id('i'), columns: { n: compute(['delay'], (d) => d, type.boolean) } })`,
    at: `d, type`,
    text: `Type 'number' is not assignable to type 'boolean | null'.`,
  },
  // Entities as literals: what is wrong between entities stands at the column.
  {
    code: `p: { kind: 'rows', id: id('i'), columns: { origin_id: ref('airport', { code: 'origin' }) } }`,
    at: `origin_id:`,
    text: `Property '"there is no keyed entity 'airport'; did you mean 'airports'?"' is missing in type 'RefColumn<"airport", { rea`,
  },
  {
    code: `q: { kind: 'rows', id: id('i'), columns: { origin_id: ref('airports', { cod: 'origin' }) } }`,
    at: `origin_id:`,
    text: `Property '"'airports' has no key 'cod'; did you mean 'code'?"' is missing in type 'RefColumn<"airports", { readonly cod:`,
  },
  {
    code: `r: { kind: 'rows', id: id('i'), columns: { origin_id: ref('airports', {}) } }`,
    at: `origin_id:`,
    text: `Property '"key 'code' of 'airports' is missing"' is missing in type 'RefColumn<"airports", {}>' but required in type 'Mi`,
  },
  {
    code: `s: { kind: 'rows', id: id('i'), columns: { origin_id: ref('airports', { code: 'delay' }) } }`,
    at: `origin_id:`,
    text: `Property '"key 'code' of 'airports' is a string, source column 'delay' is a number"' is missing in type 'RefColumn<"airp`,
  },
  {
    code: `t: { kind: 'rows', id: id('i'), columns: { origin_id: rowRef('airports') } }`,
    at: `origin_id:`,
    text: `Property '"'airports' is a keyed entity; use ref('airports', { ... })"' is missing in type 'RowRefColumn<"airports">' bu`,
  },
  {
    code: `u: { kind: 'rows', id: id('i'), columns: { i: 'delay' } }`,
    at: `i: 'delay'`,
    text: `Type 'string' is not assignable to type 'Mistake<"the entity has a column 'i' twice; it is the ID already">'.`,
  },
  {
    code: `v: { kind: 'rows', id: id('i', { sequence: 's' }), columns: { n: nextId('s') } }`,
    at: `n: nextId`,
    text: `Property '"the entity takes two IDs from sequence 's'"' is missing in type 'NextIdColumn<"s">' but required in type 'Mis`,
  },
  {
    code: `w: { kind: 'rows', id: id('i'), columns: { day: 'dat' } }`,
    at: `day:`,
    text: `Type 'string' is not assignable to type 'Mistake<"the row contract has no column 'dat'; did you mean 'date'?">'.`,
  },
  {
    code: `x: { kind: 'keyed', id: id('i'), key: { code: 'orign' } }`,
    at: `code:`,
    text: `Type 'string' is not assignable to type 'Mistake<"the row contract has no column 'orign'; did you mean 'origin'?">'.`,
  },
  {
    code: `y: { kind: 'keyed', id: id('i'), key: { code: 'origin' }, columns: { day: 'date' } }`,
    at: `day:`,
    text: `Type 'string' is not assignable to type 'Mistake<"a keyed entity has one row for many source rows; use first('date')">'.`,
  },
  {
    code: `z: { kind: 'rows', id: id('i'), colums: {}, columns: {} }`,
    at: `colums:`,
    text: `Property '"there is no option 'colums'; did you mean 'columns'?"' is missing in type '{}' but required in type 'Mistake<`,
  },
];
const textLength = 120;

test('messages of the type checker, and none for the guide', async () => {
  const ofEntities = mistakes.filter(({ code }) => !code.startsWith('pipeline('));
  const lines = [
    `import { z } from 'zod';`,
    `import { pipeline, type } from '../../../src/pipeline/index.ts';`,
    `const row = z.object({ date: z.date(), delay: z.int(), origin: z.string() });`,
    `const source = { container: 'landing', prefix: 'flights/' };`,
    `const entities = () => ({});`,
    ...mistakes.filter((mistake) => !ofEntities.includes(mistake)).map(({ code }) => `${code};`),
    `pipeline({ name: 'f', source, row, entities: ({ keyed, rows, id, nextId, ref, rowRef, map, compute, where }) => ({`,
    `airports: keyed({ id: id('airport_id'), key: { code: z.string() } }),`,
    ...ofEntities.map(({ code }) => `${code},`),
    '}) });',
  ];
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
    const messages = [...run.stdout.matchAll(/mistakes\.ts\((\d+),(\d+)\): error TS\d+: (.*)/g)];
    const said = messages.map(([, line, column, text]) => {
      const code = lines[Number(line) - 1]!;
      return { code: code.slice(0, -1), at: code.slice(Number(column) - 1), text: text!.slice(0, textLength) };
    });
    const expected = mistakes.map(({ code, text }) => ({ code, text }));
    assert.deepEqual(
      said.map(({ code, text }) => ({ code, text })),
      expected,
      run.stdout,
    );
    for (const [i, { at }] of said.entries())
      assert.ok(at.startsWith(mistakes[i]!.at), `${at}: not at ${mistakes[i]!.at}`);
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
