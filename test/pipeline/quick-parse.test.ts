/** The quick way through a string schema gives what zod gives or nothing, something wherever it can, and exists only for what it understands. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { z } from 'zod';
import { quickParse } from '../../src/pipeline/quick-parse.ts';

const understood: Record<string, z.ZodType> = {
  plain: z.string(),
  min: z.string().min(2),
  max: z.string().max(3),
  length: z.string().length(3),
  between: z.string().min(1).max(4),
  regex: z.string().regex(/^[a-c]+\d?$/),
  'regex and length': z.string().regex(/^a/).length(2),
  nullable: z.string().min(1).nullable(),
  optional: z.string().length(2).optional(),
  trim: z.string().trim(),
  'trim, then a length': z.string().trim().min(2),
  'a length, then trim': z.string().min(2).trim(),
  'an overwrite of our own': z
    .string()
    .overwrite((text) => text.replaceAll('a', 'bb'))
    .max(4),
  'an e-mail': z.email(),
  'a pipe': z
    .string()
    .trim()
    .toLowerCase()
    .pipe(
      z
        .string()
        .min(1)
        .regex(/^[a-z]*$/),
    ),
  'a pipe to an e-mail': z.string().trim().toLowerCase().pipe(z.email()),
};

for (const [name, schema] of Object.entries(understood)) {
  test(`${name}: what zod gives`, () => {
    const parse = quickParse(schema);
    assert.ok(parse);
    const texts = fc.oneof(
      fc.string({ maxLength: 6 }),
      fc.stringMatching(/^[a-d]{0,4}\d?$/),
      fc.stringMatching(/^ ?[A-Ca-c.]{1,4}@[a-c]{1,3}\.[a-z]{1,3} ?$/),
      fc.string({ unit: 'binary', maxLength: 4 }),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const surrogates = /[\ud800-\udfff]/.test(text);
        const verdict = schema.safeParse(text);
        const quick = parse(text);
        if (quick !== undefined) assert.deepEqual(verdict, { success: true, data: quick });
        else assert.ok(!verdict.success || surrogates, JSON.stringify(text));
      }),
    );
  });
}

const others: Record<string, z.ZodType> = {
  'a transform': z.string().transform((text) => text.length),
  'a format with more than an expression': z.url(),
  'a refinement': z.string().refine((text) => text.length > 1),
  'a global expression': z.string().regex(/a/g),
  'a pipe to a number': z.string().pipe(z.coerce.number()),
  coercion: z.coerce.string(),
  'a number': z.number(),
  'an enum': z.enum(['a', 'b']),
};

for (const [name, schema] of Object.entries(others)) {
  test(`${name}: left to zod`, () => {
    assert.equal(quickParse(schema), undefined);
  });
}

test('an overwrite that throws, or gives no text, is left to zod', () => {
  const throws = z.string().overwrite(() => {
    throw new Error('no');
  });
  assert.equal(quickParse(throws)?.('a'), undefined);
  assert.equal(quickParse(z.string().overwrite(() => 7 as unknown as string))?.('a'), undefined);
});
