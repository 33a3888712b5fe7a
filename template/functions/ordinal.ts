/** The app's entry: everything that Ordinal does is registered here. The Functions host loads what is built of it. */
import { registerOrdinal } from '@ordinal-ids/ordinal';
import { pipelines } from '../pipelines/index.ts';

// A run that fits one process uses all of its cores: its worker threads load this module.
registerOrdinal({ pipelines, pipelinesModule: new URL('../pipelines/index.js', import.meta.url) });
