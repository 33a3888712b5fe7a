/**
 * What a pipeline module needs, as an entry point of the package. Modules in `pipelines/` import nothing else of Ordinal. It
 * must not import what registers functions or reaches a storage: a pipeline that is tried in memory needs neither.
 */
export type { Builder } from './builder.ts';
export type { PipelineDefinition, PipelineSettings } from './definition.ts';
export { type OutputType, type } from './output-type.ts';
export { pipeline } from './pipeline.ts';
export { type PipelineRegistry, registerPipelines } from './registry.ts';
export type { RowOf } from './row-types.ts';
export { type SharedEntity, type SharedSettings, shared } from './shared-entity.ts';
export { type SharedIndex, sharedIndex } from './shared-index.ts';
