/**
 * The entry point `testing` of the package: pipelines run in memory, for unit tests. Tests of apps import it. It must not
 * need a service, a container or a network.
 */
export { matchesGolden } from './golden.ts';
export { type Row, rowsOfFile } from './rows.ts';
export { type Tried, type TryOptions, type TrySource, tryPipeline } from './try-pipeline.ts';
