/** `pipeline`: the one call of a pipeline module. */
import type { Builder, RowOf } from './builder.ts';
import type { Entities, PipelineDefinition, PipelineSettings, RowSchema } from './definition.ts';
import type { Mistakes } from './reference-types.ts';

/**
 * Declares a pipeline. Nothing is checked at run time before it is registered (`registerPipelines`), which throws
 * `InvalidPipeline`; TypeScript checks columns, functions and references here.
 *
 * @param definition.row the row contract: a zod object, one schema for each source column that is used
 * @param definition.entities what each row gives, in the words of `Builder`; the order of entities and of their
 *   columns is the order of output columns and of first-seen keys. (JavaScript moves keys such as '2020' to the front.)
 */
export function pipeline<S extends RowSchema, E extends Entities>(
  definition: PipelineSettings & {
    readonly row: S;
    readonly entities: (builder: Builder<RowOf<S>>) => E & Mistakes<RowOf<S>, E>;
  },
): PipelineDefinition {
  return Object.freeze({ ...definition });
}
