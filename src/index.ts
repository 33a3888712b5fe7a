/**
 * What users of the package import: the words of a pipeline, `registerOrdinal`, and errors. Apps import this and nothing
 * else of Ordinal, besides its entry points `pipeline`, `parquet` and `testing`. What is exported here is promised to stay.
 */
import './peers.ts';

export { type OrdinalOptions, registerOrdinal } from './app.ts';
export type { OrdinalSettings } from './environment/app-settings.ts';
export { type ErrorCode, type ErrorLocation, type ErrorOptions, type ErrorValue, OrdinalError } from './errors.ts';
export {
  type Builder,
  type OutputType,
  type PipelineDefinition,
  type PipelineRegistry,
  type PipelineSettings,
  pipeline,
  type RowOf,
  registerPipelines,
  type SharedEntity,
  type SharedIndex,
  type SharedSettings,
  shared,
  sharedIndex,
  type,
} from './pipeline/index.ts';
