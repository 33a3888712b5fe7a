/**
 * Where the tables of a pipeline are. The plan, the commits, the rebuilds and the verifier ask it.
 */
import type { Environment } from '../environment/environment.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { output } from '../storage/names.ts';
import type { TablePlace } from '../table-format/table-format.ts';

/** The place of the table over an entity's rows, or over its changes. */
export function tablePlace(
  { store, config }: Environment,
  pipeline: CompiledPipeline,
  entity: string,
  dataset: 'rows' | 'changes' = 'rows',
): TablePlace {
  const { container } = pipeline.output;
  return {
    store,
    container,
    folder: output.table(pipeline, entity, dataset),
    requestsInFlight: config.requestsInFlight,
  };
}
