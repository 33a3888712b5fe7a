/**
 * What a pipeline module needs. Modules in `pipelines/` import nothing else of Ordinal.
 */
export type { Builder } from './builder.ts';
export type { PipelineDefinition, PipelineSettings } from './definition.ts';
export { type OutputType, type } from './output-type.ts';
export { pipeline } from './pipeline.ts';
export { type PipelineRegistry, registerPipelines } from './registry.ts';
export type { RowOf } from './row-types.ts';
export { type SharedEntity, type SharedSettings, shared } from './shared-entity.ts';
export { type SharedIndex, sharedIndex } from './shared-index.ts';
