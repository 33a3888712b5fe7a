/** The pipelines of this app. A new one is a file beside this one and a line here: `npx ordinal new pipeline NAME`. */
import orders from './orders.ts';

export const pipelines = [orders];
