/** What is read out of zod schemas, with zod itself as the oracle: a schema's facts must agree with what it does. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { z } from 'zod';
import * as mini from 'zod/mini';
import type { ContractColumn } from '../../src/pipeline/compiled.ts';
import { compileContract } from '../../src/pipeline/contract.ts';

function column(schema: z.core.$ZodType): ContractColumn {
  return compileContract(z.object({ c: schema })).columns[0]!;
}

type Facts = Partial<Pick<ContractColumn, 'output' | 'nullable' | 'active' | 'integer' | 'changes' | 'bounds'>> & {
  written?: string;
};

const none = { nullable: false, active: false, integer: false, changes: false };
const int64 = 'INT64';
const cases: [name: string, schema: z.core.$ZodType, input: ContractColumn['input'], facts: Facts][] = [
  ['string', z.string(), 'string', {}],
  ['number', z.number(), 'number', {}],
  ['int', z.int(), 'number', { integer: true }],
  ['number().int()', z.number().int(), 'number', { integer: true }],
  ['bigint', z.bigint(), 'bigint', {}],
  ['boolean', z.boolean(), 'boolean', {}],
  ['date', z.date(), 'date', {}],
  ['bytes', z.instanceof(Uint8Array), 'bytes', {}],
  ['any', z.any(), 'any', { nullable: true }],
  ['unknown', z.unknown(), 'any', { nullable: true }],
  ['custom', z.custom<string>((v) => v !== 3), 'any', { active: true }],
  ['brand', z.string().brand('x'), 'string', {}],
  ['describe', z.string().describe('a name').meta({ title: 'x' }), 'string', {}],
  ['nullable', z.string().nullable(), 'string', { nullable: true }],
  ['optional', z.string().optional(), 'string', { nullable: true }],
  ['nullish', z.int().nullish(), 'number', { nullable: true, integer: true }],
  ['nonoptional', z.string().optional().nonoptional(), 'string', {}],
  ['readonly', z.string().readonly(), 'string', {}],
  ['or null', z.string().or(z.null()), 'string', { nullable: true }],
  ['length', z.string().length(3), 'string', { active: true }],
  ['email', z.email(), 'string', { active: true }],
  ['uuid', z.uuid(), 'string', { active: true }],
  ['iso date', z.iso.date(), 'string', { active: true }],
  ['url trims', z.url(), 'string', { active: true, changes: true }],
  ['trim', z.string().trim().toLowerCase(), 'string', { active: true, changes: true }],
  ['trim, then email', z.string().trim().pipe(z.email()), 'string', { active: true, changes: true }],
  ['refine', z.string().refine((v) => v !== 'x'), 'string', { active: true }],
  ['superRefine', z.string().superRefine(() => {}), 'string', { active: true, changes: true }],
  ['enum', z.enum(['a', 'b']), 'string', { active: true }],
  ['numeric enum', z.enum({ A: 0, B: 1, 0: 'A', 1: 'B' } as { A: 0; B: 1 }), 'number', { active: true, integer: true }],
  ['literal', z.literal([1, 2]), 'number', { active: true, integer: true }],
  ['union of literals', z.union([z.literal('a'), z.literal('b')]), 'string', { active: true }],
  ['template', z.templateLiteral(['SKU-', z.int()]), 'string', { active: true }],
  ['min and max', z.number().min(-1).max(2.5), 'number', { active: true, bounds: { min: -1, max: 2.5 } }],
  ['int nonnegative', z.int().nonnegative(), 'number', { active: true, integer: true, bounds: { min: 0 } }],
  ['int positive', z.int().positive(), 'number', { active: true, integer: true, bounds: { min: 1 } }],
  ['gt before int', z.number().gt(0.5).int(), 'number', { active: true, integer: true, bounds: { min: 1 } }],
  ['positive, no int', z.number().positive(), 'number', { active: true }],
  ['int32', z.int32(), 'number', { active: true, integer: true, bounds: { min: -(2 ** 31), max: 2 ** 31 - 1 } }],
  ['bounds and more', z.int().min(1).multipleOf(5), 'number', { active: true, integer: true }],
  [
    'nullable bounds',
    z.int().min(1).nullable(),
    'number',
    { active: true, integer: true, nullable: true, bounds: { min: 1 } },
  ],
  ['bigint bound', z.bigint().positive(), 'bigint', { active: true }],
  ['date bound', z.date().min(new Date(0)), 'date', { active: true }],
  ['coerce', z.coerce.number(), 'any', { output: 'number', active: true, changes: true, written: 'DOUBLE' }],
  ['coerce int', z.coerce.number().int(), 'any', { output: 'number', active: true, changes: true, written: int64 }],
  ['stringbool', z.stringbool(), 'string', { output: 'boolean', active: true, changes: true, written: 'BOOLEAN' }],
  [
    'transform',
    z
      .string()
      .transform((v) => v.length)
      .pipe(z.int32()),
    'string',
    { output: 'number', active: true, changes: true, written: 'INT32' },
  ],
  [
    'number to number',
    z
      .int()
      .transform((v) => v / 2)
      .pipe(z.number()),
    'number',
    { active: true, changes: true, integer: true, written: 'DOUBLE' },
  ],
  [
    'codec',
    z.codec(z.string(), z.date(), { decode: (v) => new Date(v), encode: (v) => v.toISOString() }),
    'string',
    { output: 'date', active: true, changes: true, written: int64 },
  ],
  [
    'preprocess',
    z.preprocess((v) => String(v), z.string()),
    'any',
    { output: 'string', active: true, changes: true, written: 'BYTE_ARRAY' },
  ],
  [
    'values to null',
    z
      .string()
      .transform((v) => v || null)
      .pipe(z.string().nullable())
      .nullable(),
    'string',
    { active: true, changes: true, nullable: true, written: 'BYTE_ARRAY' },
  ],
  [
    'null through a transform that keeps it',
    z
      .string()
      .nullable()
      .transform((v) => v?.trim() ?? null)
      .pipe(z.string().nullable()),
    'string',
    { active: true, changes: true, nullable: true, written: 'BYTE_ARRAY' },
  ],
  [
    'nullable that refuses null',
    z
      .string()
      .nullable()
      .refine((v) => v !== null),
    'string',
    { active: true },
  ],
  ['zod/mini', mini.string().check(mini.minLength(2), mini.trim()), 'string', { active: true, changes: true }],
];

describe('facts of schemas', () => {
  for (const [name, schema, input, { written, bounds, ...facts }] of cases) {
    test(name, () => {
      const {
        parse: _,
        name: __,
        quick: ___,
        proof: ____,
        emptyType: _____,
        mayLack: ______,
        outputType,
        ...found
      } = column(schema);
      assert.deepEqual(found, { ...none, input, output: input, ...(bounds && { bounds }), ...facts });
      assert.equal(outputType?.physical, written);
    });
  }
});

const samples: fc.Arbitrary<unknown> = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.constantFrom('a', 'b', ' a ', 'A@b.co', 'SKU-7', 'true', '2024-01-02', 'https://a.example/ ', 'abc', ''),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, 1, 2, -1, 0.5, 2.5, 2 ** 31),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.boolean(),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ maxLength: 4 }),
);

function kindOf(value: unknown): string {
  if (value instanceof Date) return 'date';
  return value instanceof Uint8Array ? 'bytes' : typeof value;
}

describe('facts agree with what zod does', () => {
  for (const [name, schema] of cases) {
    test(name, () => {
      const facts = column(schema);
      const ofKind = samples.filter((value) => facts.input === 'any' || kindOf(value) === facts.input);
      fc.assert(
        fc.property(ofKind, (value) => {
          const truth = z.core.safeParse(schema, value);
          const parsed = facts.parse(value);
          const isNothing = truth.success && (truth.data === null || truth.data === undefined);
          assert.equal(parsed.ok, truth.success && !(isNothing && !facts.nullable));
          if (parsed.ok) assert.deepEqual(parsed.value, truth.data);
          if (parsed.ok && parsed.value !== null && facts.output !== 'any')
            assert.equal(kindOf(parsed.value), facts.output);
          if (parsed.ok && !facts.changes) assert.deepEqual(parsed.value, value);
          const admissible = !facts.integer || Number.isSafeInteger(value);
          if (!facts.active && admissible) assert.ok(parsed.ok);
          if (facts.integer && !admissible) assert.ok(!parsed.ok);
          if (facts.bounds && admissible) {
            const { min = -Infinity, max = Infinity } = facts.bounds;
            assert.equal(parsed.ok, (value as number) >= min && (value as number) <= max);
          }
        }),
        { numRuns: 300 },
      );
      assert.equal(
        facts.nullable,
        [null, undefined].some((nothing) => z.core.safeParse(schema, nothing).success && !nullsAreTheirOwn(name)),
      );
    });
  }
});

/** Coercion, preprocessing and custom functions would take a null for a value: it is refused, but for .nullable(). */
function nullsAreTheirOwn(name: string): boolean {
  return name.startsWith('coerce') || name === 'preprocess' || name === 'custom';
}

describe('parse never throws', () => {
  test('gives the reasons of all issues', () => {
    const { parse } = column(z.string().min(3).regex(/^x/));
    const result = parse('ab');
    assert.ok(!result.ok);
    assert.match(result.reason, /Too small.*; Invalid string/);
  });
  test('a schema that throws', () => {
    const { parse } = column(
      z.string().refine(() => {
        throw new Error('boom');
      }),
    );
    assert.deepEqual(parse('a'), { ok: false, reason: 'the schema threw: boom' });
  });
  test('an async check that only shows when it runs', () => {
    const { parse } = column(z.string().refine((v) => Promise.resolve(v === 'a')));
    assert.deepEqual(parse('a'), { ok: false, reason: 'the schema is asynchronous' });
  });
});

const refusals: [name: string, row: unknown, field: string, message: RegExp, remedy?: RegExp][] = [
  ['no zod', { a: 1 }, 'row', /is not a zod object/, /z\.object/],
  ['no object', z.string(), 'row', /is not a zod object/],
  ['a transformed object', z.object({ a: z.string() }).transform((v) => v), 'row', /is not a zod object/],
  ['no columns', z.object({}), 'row', /names no column/],
  ['strict', z.strictObject({ a: z.string() }), 'row', /strict/, /z\.object/],
  [
    'an async check of rows',
    z.object({ a: z.string() }).refine(async () => true),
    'row',
    /async check/,
    /plain function/,
  ],
  ['a changed row', z.object({ a: z.string() }).overwrite((row) => row), 'row', /changed as a whole/, /columns/],
  ['a union of anything', z.union([z.object({ a: z.string() })]), 'row', /is not a zod object/, /discriminatedUnion/],
  [
    'a column of two types',
    z.discriminatedUnion('t', [
      z.object({ t: z.literal('x'), a: z.string() }),
      z.object({ t: z.literal('y'), a: z.number() }),
    ]),
    'row.a',
    /is a string for 'x' and a number for 'y'/,
    /one type/,
  ],
  [
    'a column and a group of one name',
    z.object({ 'a.b': z.string(), a: z.object({ b: z.string() }) }),
    'row.a.b',
    /both a column and a leaf/,
  ],
  [
    'checks of a group',
    z.object({ a: z.object({ b: z.string() }).refine(() => true) }),
    'row.a',
    /checks across the columns of a group/,
    /at the row/,
  ],
  ['a strict group', z.object({ a: z.strictObject({ b: z.string() }) }), 'row.a', /strict/],
  ['an array in a group', z.object({ a: z.object({ b: z.array(z.string()) }) }), 'row.a.b', /z\.array\(\) is not/],
  ['array', z.object({ a: z.array(z.string()) }), 'row.a', /z\.array\(\) is not a column/, /^Use a string/],
  ['an empty group', z.object({ a: z.object({}) }), 'row.a', /names no column/],
  [
    'transform at the end',
    z.object({ a: z.string().transform((v) => v) }),
    'row.a',
    /no type at run time/,
    /\.pipe\(z\.string\(\)\)/,
  ],
  [
    'transform into any',
    z.object({
      a: z
        .string()
        .transform((v) => v)
        .pipe(z.any()),
    }),
    'row.a',
    /any type/,
    /\.pipe\(z\.string\(\)\)/,
  ],
  ['lone transform', z.object({ a: z.transform((v) => v) }), 'row.a', /no schema precedes/],
  ['default', z.object({ a: z.string().default('x') }), 'row.a', /\.default\(\)/, /\.nullable\(\)/],
  ['default within', z.object({ a: z.string().prefault('x').nullable() }), 'row.a', /\.prefault\(\)/],
  ['catch', z.object({ a: z.string().catch('x') }), 'row.a', /\.catch\(\)/, /onInvalid/],
  [
    'null becomes a value',
    z.object({
      a: z
        .string()
        .nullable()
        .transform((v) => v ?? 'none')
        .pipe(z.string()),
    }),
    'row.a',
    /turns null into 'none'/,
    /\.nullable\(\)/,
  ],
  [
    'throws on null',
    z.object({
      a: z
        .string()
        .nullable()
        .transform((v) => (v as string).trim())
        .pipe(z.string()),
    }),
    'row.a',
    /throws on null/,
    /^Put \.nullable\(\) last/,
  ],
  [
    'a value becomes null',
    z.object({
      a: z
        .string()
        .transform((v) => v || null)
        .pipe(z.string().nullable()),
    }),
    'row.a',
    /may turn a value into null/,
    /\.nullable\(\)/,
  ],
  ['async check', z.object({ a: z.string().refine(async () => true) }), 'row.a', /async check/, /plain function/],
  ['async superRefine', z.object({ a: z.string().check(async () => {}) }), 'row.a', /async check/],
  [
    'async transform',
    z.object({
      a: z
        .string()
        .transform(async (v) => v)
        .pipe(z.string()),
    }),
    'row.a',
    /async transform/,
  ],
  ['async preprocess', z.object({ a: z.preprocess(async (v) => v, z.string()) }), 'row.a', /async transform/],
  [
    'mixed union',
    z.object({ a: z.union([z.string(), z.number()]) }),
    'row.a',
    /union of string and number/,
    /one type/,
  ],
  ['mixed literal', z.object({ a: z.literal(['a', 1]) }), 'row.a', /values of 2 types/],
  [
    'a pipe that cannot be',
    z.object({ a: z.string().pipe(z.number() as never) }),
    'row.a',
    /pipes a string into a number/,
  ],
];

describe('contracts that are refused', () => {
  for (const [name, row, field, message, remedy = /./] of refusals) {
    test(name, () => {
      assert.throws(
        () => compileContract(row),
        (error: { code: string; message: string; where: { field: string }; remedy?: string }) => {
          assert.equal(error.code, 'InvalidPipeline');
          assert.equal(error.where.field, field);
          assert.match(error.message, message);
          if (remedy.source !== '.') assert.match(error.remedy ?? '', remedy);
          return true;
        },
      );
    });
  }
});
