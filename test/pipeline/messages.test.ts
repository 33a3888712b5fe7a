/** The type checker's messages, as a pipeline author reads them: where they stand, and that they name the remedy. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { compile } from '../../src/pipeline/compile.ts';
import { checksInstalled } from '../../tools/peers.ts';

/**
 * Typical mistakes. Each line of code is one entity of a pipeline, or one whole pipeline where its contract is wrong. `at` is
 * where in the line the message stands, `text` its first 120 characters.
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
    code: `pipeline({ name: 'y', row: feed, source, entities: ({ id }) => ({ a: { kind: 'rows', when: 'ordr', id: id('i'), columns: {} } }) })`,
    at: `when:`,
    text: `Type '"ordr"' is not assignable to type '"there is no record type 'ordr'; did you mean 'order'?"'.`,
  },
  {
    code: `pipeline({ name: 'z', row: feed, source, entities: ({ id }) => ({ a: { kind: 'rows', when: 'order', id: id('i'), columns: { why: 'reason' } } }) })`,
    at: `why:`,
    text: `Type '"reason"' is not assignable to type '"rows of these record types have no column 'reason'"'.`,
  },
  {
    code: `a: { kind: 'rows', id: id('i'), columns: { day: 'dat' } }`,
    at: `day:`,
    text: `Type '"dat"' is not assignable to type '"the row contract has no column 'dat'; did you mean 'date'?"'.`,
  },
  {
    code: `b: { kind: 'rows', id: id('i'), columns: { n: map('dalay', () => 1, type.int32) } }`,
    at: `'dalay'`,
    text: `Argument of type '"dalay"' is not assignable to parameter of type '"date" | "delay" | "miles" | "origin"'.`,
  },
  {
    code: `c: { kind: 'rows', id: id('i'), where: where(['delya'], () => true), columns: {} }`,
    at: `'delya'`,
    text: `Type '"delya"' is not assignable to type '"date" | "delay" | "miles" | "origin"'. Did you mean '"delay"'?`,
  },
  {
    code: `d: { kind: 'keyed', id: id('i'), key: { code: 'orign' } }`,
    at: `code:`,
    text: `Type '"orign"' is not assignable to type '"the row contract has no column 'orign'; did you mean 'origin'?"'.`,
  },
  {
    code: `e: { kind: 'rows', id: id('i'), columns: { origin_id: ref('airport', { code: 'origin' }) } }`,
    at: `origin_id:`,
    text: `Property '"there is no keyed entity 'airport'; did you mean 'airports'?"' is missing in type 'RefColumn<"airport", { rea`,
  },
  {
    code: `f: { kind: 'rows', id: id('i'), columns: { origin_id: ref('airports', { cod: 'origin' }) } }`,
    at: `origin_id:`,
    text: `Property '"'airports' has no key 'cod'; did you mean 'code'?"' is missing in type 'RefColumn<"airports", { readonly cod:`,
  },
  {
    code: `g: { kind: 'rows', id: id('i'), columns: { origin_id: ref('airports', {}) } }`,
    at: `origin_id:`,
    text: `Property '"key 'code' of 'airports' is missing"' is missing in type 'RefColumn<"airports", {}>' but required in type 'Mi`,
  },
  {
    code: `h: { kind: 'rows', id: id('i'), columns: { origin_id: ref('airports', { code: 'delay' }) } }`,
    at: `origin_id:`,
    text: `Property '"key 'code' of 'airports' is a string, source column 'delay' is a number"' is missing in type 'RefColumn<"airp`,
  },
  {
    code: `i: { kind: 'rows', id: id('i'), columns: { origin_id: rowRef('airports') } }`,
    at: `origin_id:`,
    text: `Property '"'airports' is a keyed entity; use ref('airports', { ... })"' is missing in type 'RowRefColumn<"airports">' bu`,
  },
  {
    code: `j: { kind: 'rows', id: id('i'), columns: { i: 'delay' } }`,
    at: `i:`,
    text: `Type '"delay"' is not assignable to type '"the entity has a column 'i' twice; it is the ID already"'.`,
  },
  {
    code: `k: { kind: 'rows', id: id('i', { sequence: 's' }), columns: { n: nextId('s') } }`,
    at: `n:`,
    text: `Property '"the entity takes two IDs from sequence 's'"' is missing in type 'NextIdColumn<"s">' but required in type 'Mis`,
  },
  {
    code: `l: { kind: 'rows', id: id('i'), columns: { n: map('delay', (d: string) => 1 + d.length, type.int32) } }`,
    at: `(d: string)`,
    text: `Argument of type '(d: string) => number' is not assignable to parameter of type '(value: number) => number | null'.`,
  },
  {
    code: `m: { kind: 'rows', id: id('i'), columns: { n: compute(['delay'], (d) => d, type.boolean) } }`,
    at: `d, type`,
    text: `Type 'number' is not assignable to type 'boolean | null'.`,
  },
  {
    code: `p: { kind: 'rows', id: id('i'), columns: { n: map('miles', (m: number) => m, type.float64) } }`,
    at: `n:`,
    text: `Property '"'miles' may be null here, and the function does not take null"' is missing in type 'MapColumn<number, "miles"`,
  },
  {
    code: `q: { kind: 'keyed', id: id('i'), key: { code: 'origin' }, columns: { day: 'date' } }`,
    at: `day:`,
    text: `Type '"date"' is not assignable to type '"a keyed entity has one row for many source rows; use first('date')"'.`,
  },
  {
    code: `r: { kind: 'keyed', id: id('i'), key: { code: z.string() }, columns: { day: first('date') } }`,
    at: `day:`,
    text: `Property '"only references bring keys, so there is no source row to read"' is missing in type 'FirstColumn<Date, "date">`,
  },
  {
    code: `s: { kind: 'rows', id: id('i'), colums: {}, columns: {} }`,
    at: `colums:`,
    text: `Property '"there is no option 'colums'; did you mean 'columns'?"' is missing in type '{}' but required in type 'Mistake<`,
  },
  {
    code: `t: { kind: 'rows', columns: { day: 'date' } }`,
    at: `kind:`,
    text: `Type '"rows"' is not assignable to type '"the option 'id' is missing"'.`,
  },
  {
    code: `u: { id: id('i'), columns: { day: 'date' } }`,
    at: `id:`,
    text: `Object literal may only specify known properties, and 'id' does not exist in type 'Mistake<"the entity has no kind; use `,
  },
  {
    code: `v: { kind: 'shared', entity: people, key: { email: 'delay' } }`,
    at: `email:`,
    text: `Type '"delay"' is not assignable to type '"key 'email' of the shared entity is a string, source column 'delay' is a numb`,
  },
  {
    code: `w: { kind: 'shared', entity: people, key: { email: 'origin' }, columns: { nam: first('origin') } }`,
    at: `nam:`,
    text: `Property '"the shared entity has no column 'nam'; did you mean 'name'?"' is missing in type 'FirstColumn<string, "origin`,
  },
  {
    code: `x: { kind: 'rows', when: 'order', id: id('i'), columns: {} }`,
    at: `when:`,
    text: `Type '"order"' is not assignable to type '"needs a row contract with record types; use row: z.discriminatedUnion(...), o`,
  },
];
const textLength = 120;

const typescript = (root: string) => join(import.meta.dirname, '../..', root, 'node_modules/typescript/bin/tsc');
/** The compiler of this repository, and one of the older kind, which editors have. */
const compilers = [
  { name: 'TypeScript 7', tsc: typescript('.'), isThere: true },
  { name: 'TypeScript 6', tsc: typescript('tools/api'), isThere: checksInstalled },
];

describe.for(compilers)('$name', ({ tsc, isThere }) => {
  test.skipIf(!isThere)('its messages, and none for the guide', () => {
    const ofEntities = mistakes.filter(({ code }) => !code.startsWith('pipeline('));
    const lines = [
      `import { z } from 'zod';`,
      `import { pipeline, shared, type } from '../../../src/pipeline/index.ts';`,
      `const row = z.object({ date: z.date(), delay: z.int(), miles: z.number().nullable(), origin: z.string() });`,
      `const feed = z.discriminatedUnion('kind', [`,
      `z.object({ kind: z.literal('order'), no: z.int() }), z.object({ kind: z.literal('refund'), reason: z.string() })]);`,
      `const people = shared('people', { id: 'person_id', key: { email: z.string() }, columns: { name: type.string } });`,
      `const source = { container: 'landing', prefix: 'flights/' };`,
      `const entities = () => ({});`,
      ...mistakes.filter((mistake) => !ofEntities.includes(mistake)).map(({ code }) => `${code};`),
      `pipeline({ name: 'f', source, row, entities: ({ id, nextId, ref, rowRef, first, map, compute, where }) => ({`,
      `airports: { kind: 'keyed', id: id('airport_id'), key: { code: z.string() } },`,
      ...ofEntities.map(({ code }) => `${code},`),
      '}) });',
    ];
    const directory = mkdtempSync(join(import.meta.dirname, '.messages-'));
    try {
      writeFileSync(join(directory, 'mistakes.ts'), lines.join('\n'));
      writeFileSync(join(directory, 'guide.ts'), guideExample());
      const config = { extends: '../../../tsconfig.json', include: ['*.ts'] };
      writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(config));
      const run = spawnSync(process.execPath, [tsc, '--noEmit', '--pretty', 'false', '-p', directory], {
        encoding: 'utf8',
      });
      const messages = [...run.stdout.matchAll(/mistakes\.ts\((\d+),(\d+)\): error TS\d+: (.*)/g)];
      const said = messages.map(([, line, column, text]) => {
        const code = lines[Number(line) - 1]!;
        return { code: code.slice(0, -1), at: code.slice(Number(column) - 1), text: text!.slice(0, textLength) };
      });
      assert.deepEqual(
        said.map(({ code, text }) => ({ code, text })),
        mistakes.map(({ code, text }) => ({ code, text })),
        run.stdout,
      );
      for (const [i, { at }] of said.entries())
        assert.ok(at.startsWith(mistakes[i]!.at), `${at}: not at ${mistakes[i]!.at}`);
      assert.ok(!run.stdout.includes('guide.ts'), run.stdout);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

test('the guide shows a pipeline that starts', async () => {
  const directory = mkdtempSync(join(import.meta.dirname, '.messages-'));
  try {
    writeFileSync(join(directory, 'guide.ts'), guideExample());
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
