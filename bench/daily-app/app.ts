/** The app of the set `daily`: the built Ordinal, with the pipeline of `pipelines.ts`. The local host loads it. */
import { built, pipelines } from './pipelines.ts';

const { registerOrdinal } = (await import(built('app'))) as typeof import('../../src/app.ts');

registerOrdinal({ pipelines, pipelinesModule: new URL('./pipelines.ts', import.meta.url) });
