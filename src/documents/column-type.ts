/**
 * The zod schema of a column type, as documents between phases hold it. `documents.ts`, key lists and the run view use
 * it.
 */
import { z } from 'zod';
import type { ColumnType } from '../parquet/types.ts';

const count = z.int().nonnegative();

const annotation = z.union([
  z.object({ kind: z.enum(['string', 'enum', 'json', 'bson', 'uuid', 'float16', 'date', 'interval', 'unknown']) }),
  z.object({ kind: z.literal('other'), logicalType: count, struct: z.hex() }),
  z.object({ kind: z.literal('decimal'), precision: count, scale: count }),
  z.object({ kind: z.enum(['time', 'timestamp']), unit: z.enum(['MILLIS', 'MICROS', 'NANOS']), utc: z.boolean() }),
  z.object({
    kind: z.literal('int'),
    bitWidth: z.union([z.literal(8), z.literal(16), z.literal(32), z.literal(64)]),
    signed: z.boolean(),
  }),
]);

export const columnTypeSchema: z.ZodType<ColumnType> = z.object({
  physical: z.enum(['BOOLEAN', 'INT32', 'INT64', 'INT96', 'FLOAT', 'DOUBLE', 'BYTE_ARRAY', 'FIXED_LEN_BYTE_ARRAY']),
  typeLength: count.exactOptional(),
  annotation: annotation.exactOptional(),
});
