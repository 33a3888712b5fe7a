/** A proof by bytes says yes only where zod accepts a text and leaves it alone, and says it wherever it can. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { z } from 'zod';
import { byteProof, positionsOf } from '../../src/pipeline/byte-proof.ts';

const understood: Record<string, z.ZodType> = {
  min: z.string().min(2),
  between: z.string().min(1).max(4),
  length: z.string().length(3),
  nullable: z.string().length(3).nullable(),
  'a document number': z.string().regex(/^SO-\d{7}$/),
  'a class': z.string().regex(/^[A-C0-1_x]\w[a-c]{2}$/),
  'a class of an escape': z.string().regex(/^[\dA-B]{3}$/u),
  'escaped signs': z.string().regex(/^a\.b\/c-d$/),
  'an expression and a length': z
    .string()
    .regex(/^[a-d]{3}$/)
    .min(3),
};

for (const [name, schema] of Object.entries(understood)) {
  test(`${name}: yes means what zod says`, () => {
    const proof = byteProof(schema);
    assert.ok(proof);
    const texts = fc.oneof(
      fc.string({ maxLength: 5 }),
      fc.stringMatching(/^SO-?\d{6,8}$/),
      fc.stringMatching(/^[A-Da-d_x0-2é]{0,5}$/),
      fc.stringMatching(/^[A-C01_x][\w-][a-d]{2}$/),
      fc.stringMatching(/^[\dA-C]{3}$/),
      fc.stringMatching(/^[a-e]{3}$/),
      fc.stringMatching(/^a[.x]b[/x]c[-x]d$/),
      fc.string({ unit: 'binary', maxLength: 4 }),
    );
    let yes = 0;
    fc.assert(
      fc.property(texts, (text) => {
        const bytes = Buffer.from(`<${text}>`);
        const verdict = schema.safeParse(text);
        if (proof(bytes, 1, bytes.length - 1)) {
          assert.deepEqual(verdict, { success: true, data: text });
          yes++;
        } else assert.ok(!verdict.success || /[^\0-\x7f]/.test(text), JSON.stringify(text));
      }),
      { numRuns: 2000 },
    );
    assert.ok(yes > 0);
  });
}

const others: Record<string, z.ZodType> = {
  'nothing to prove': z.string(),
  'an overwrite': z.string().trim().min(1),
  'an e-mail': z.email(),
  'a refinement': z
    .string()
    .min(1)
    .refine((text) => text !== 'a'),
  'a number': z.number(),
  coercion: z.coerce.string().min(1),
};

for (const [name, schema] of Object.entries(others)) {
  test(`${name}: left to the schema`, () => assert.equal(byteProof(schema), undefined));
}

test('expressions of any other form are left to the schema', () => {
  const list = [
    /SO/,
    /^a+$/,
    /^a?b$/,
    /^a{2,3}$/,
    /^a|b$/,
    /^(ab)$/,
    /^.$/,
    /^[^a]$/,
    /^[a-]$/,
    /^[\d-z]$/,
    /^[a-b]?$/,
    /^\s$/,
    /^a\$/,
    /^ab$/i,
    /^ab$/m,
    /^é$/,
    /^\bab$/,
    /^a$b$/,
    /^a{65}$/,
  ];
  for (const expression of list) assert.equal(positionsOf(expression), undefined, String(expression));
  assert.equal(positionsOf(/^$/)?.length, 0);
});
