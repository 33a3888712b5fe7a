/**
 * The app's entry: registers Ordinal with the pipelines of this repository. The Functions host loads what is built of it.
 * An app of its own looks the same, but imports the package.
 */
import { pipelines } from '../pipelines/index.ts';
import { registerOrdinal } from '../src/app.ts';

registerOrdinal({ pipelines, pipelinesModule: new URL('../pipelines/index.js', import.meta.url) });
