/**
 * A row contract as JSON Schema (2020-12): what a source row must be, for people and tools that read no zod. The HTTP
 * API shows it. It must never be used to check a row: the schemas themselves are.
 */
import { core, z } from 'zod';
import type { CompiledPipeline } from './compiled.ts';

/**
 * Describes a row contract. What JSON has no type for is described as JSON would carry it: a date as a date-time text,
 * a bigint as an integer, bytes as base64 text. What a schema does beyond that (transforms, own checks) is not in it.
 * @param pipeline a compiled pipeline
 * @returns a JSON Schema of one row
 */
export function contractJsonSchema(
  pipeline: Pick<CompiledPipeline, 'row'>,
): { type: 'object' } & core.JSONSchema.BaseSchema {
  const { row } = pipeline;
  if (!row) return { type: 'object' };
  const schema = z.toJSONSchema(row, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      const { type } = zodSchema._zod.def;
      if (type === 'date') Object.assign(jsonSchema, { type: 'string', format: 'date-time' });
      if (type === 'bigint') Object.assign(jsonSchema, { type: 'integer' });
      if (zodSchema instanceof core.$ZodCustom)
        Object.assign(jsonSchema, { type: 'string', contentEncoding: 'base64' });
    },
  });
  return { ...schema, type: 'object' };
}
