/** The quick test of string schemas never says yes where zod says no, says yes wherever it can, and exists only for what it understands. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { quickTest } from '../../src/pipeline/quick-test.ts';

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
};

for (const [name, schema] of Object.entries(understood)) {
  test(`${name}: the same verdict as zod`, () => {
    const accepts = quickTest(schema);
    assert.ok(accepts);
    const texts = fc.oneof(
      fc.string({ maxLength: 6 }),
      fc.stringMatching(/^[a-d]{0,4}\d?$/),
      fc.string({ unit: 'binary', maxLength: 4 }),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const surrogates = /[\ud800-\udfff]/.test(text);
        const verdict = schema.safeParse(text).success;
        if (accepts(text) || !surrogates) assert.equal(accepts(text), verdict, JSON.stringify(text));
      }),
    );
    assert.equal(accepts(7), false);
  });
}

const others: Record<string, z.ZodType> = {
  'a transform': z.string().trim(),
  'a format': z.email(),
  'a refinement': z.string().refine((text) => text.length > 1),
  'a global expression': z.string().regex(/a/g),
  'a pipe': z.string().pipe(z.string().min(1)),
  coercion: z.coerce.string(),
  'a number': z.number(),
  'an enum': z.enum(['a', 'b']),
};

for (const [name, schema] of Object.entries(others)) {
  test(`${name}: left to zod`, () => {
    assert.equal(quickTest(schema), undefined);
  });
}
