/** What a pipeline module needs. */
export type { Builder, RowOf } from './builder.ts';
export type { PipelineDefinition, PipelineSettings } from './definition.ts';
export { type OutputType, type } from './output-type.ts';
export { pipeline } from './pipeline.ts';
export { type PipelineRegistry, registerPipelines } from './registry.ts';
