/**
 * The pipelines of this app. A new one is written in a file beside this one, and added to the list. `functions/`, the
 * command line and tests import it.
 */
import { registerPipelines } from '../src/pipeline/index.ts';
import flights from './flights.ts';
import sales from './sales.ts';

export const pipelines = registerPipelines([flights, sales]);
