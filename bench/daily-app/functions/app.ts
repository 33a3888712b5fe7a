/** The app of the set `daily`. `../../bundle.ts` lays it out as an app is deployed, and the local host loads that. */
import { registerOrdinal } from '../../../src/app.ts';
import { pipelines } from '../pipelines/index.ts';

registerOrdinal({ pipelines, pipelinesModule: new URL('../pipelines/index.js', import.meta.url) });
