/**
 * What a pipeline module needs. Modules in `pipelines/` import nothing else of Ordinal.
 */
export type { Builder, RowOf } from './builder.ts';
export type { PipelineDefinition, PipelineSettings } from './definition.ts';
export { type OutputType, type } from './output-type.ts';
export { pipeline } from './pipeline.ts';
export { type PipelineRegistry, registerPipelines } from './registry.ts';
export { type SharedIndex, sharedIndex } from './shared-index.ts';
