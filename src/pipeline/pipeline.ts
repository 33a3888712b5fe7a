/**
 * `pipeline`: the one call of a pipeline module. Each module in `pipelines/` calls it. It must never do more than give
 * its types to the definition.
 */
import type { core } from 'zod';
import type { Builder } from './builder.ts';
import type { CheckedRow } from './checked-row.ts';
import type { Checked } from './checked-types.ts';
import type { PipelineDefinition, PipelineSettings, RowSchema } from './definition.ts';
import type { Entities } from './entity.ts';
import type { FoldersOf, RecordTypeOf, RowOf } from './row-types.ts';

/** What rows have beside their own columns: nothing where no folder is a column. */
type NoFolders = Readonly<Record<never, core.$ZodType>>;

/**
 * Declares a pipeline. TypeScript checks columns, functions and references here; at run time nothing is checked before
 * `registerPipelines`, which throws `InvalidPipeline`.
 * @param definition name, places and choices (`PipelineSettings`); `row`, the row contract: a zod object with one schema
 *   for each source column that is used; `entities`, what each row gives, in the words of `Builder`. The order of entities
 *   and of their columns is the order of output columns and of first-seen keys. (JavaScript moves names such as '2020' to
 *   the front.)
 * @returns the definition, for `registerPipelines`
 * @example
 * export default pipeline({
 *   name: 'tickets',
 *   source: { container: 'landing', prefix: 'tickets/' },
 *   row: z.object({ email: z.string().trim().toLowerCase(), sold_at: z.date(), price: z.number().nullable() }),
 *   entities: ({ id, first, ref }) => ({
 *     customers: {
 *       kind: 'keyed',
 *       id: id('customer_id'),
 *       key: { email: 'email' },
 *       columns: { first_seen: first('sold_at') },
 *     },
 *     sales: {
 *       kind: 'rows',
 *       id: id('sale_id'),
 *       columns: { customer_id: ref('customers', { email: 'email' }), sold_at: 'sold_at', price: 'price' },
 *     },
 *   }),
 * });
 */
export function pipeline<
  S extends RowSchema,
  const E extends Entities<RowOf<S> & FoldersOf<P>, RecordTypeOf<S>>,
  P extends Readonly<Record<string, core.$ZodType>> = NoFolders,
>(
  definition: PipelineSettings & {
    readonly source: { readonly partitions?: P };
    readonly row: CheckedRow<S>;
    readonly entities: (builder: Builder<RowOf<S> & FoldersOf<P>>) => Checked<S, FoldersOf<P>, E>;
  },
): PipelineDefinition {
  // What has passed `Checked` is what it was given: its types are not needed any more.
  return Object.freeze({
    ...(definition as PipelineSettings & { row: unknown; entities: unknown }),
  } as PipelineDefinition);
}
