/**
 * The shapes of the API's answers, as the page reads them: those that the API states in its schemas. Only types come from
 * there, so that no schema is in the page.
 */
import type { z } from 'zod';
import type { arrivalsSchema } from '../../http/arrivals.ts';
import type { holderSchema } from '../../http/holder.ts';
import type { keyDetailSchema, keyListSchema } from '../../http/keys.ts';
import type * as schemas from '../../http/schemas.ts';
import type { FileRows } from '../../view/first-rows.ts';
import type { RunSummary, RunView } from '../../view/run-view-schema.ts';
import type { TimelineView } from '../../view/timeline-view.ts';

export type { FileRows, RunSummary, RunView, TimelineView };

export type RunList = z.infer<typeof schemas.runListSchema>;
export type About = z.infer<typeof schemas.aboutSchema>;
export type Pipeline = z.infer<typeof schemas.pipelineSchema>;
export type EntityOutline = Pipeline['entities'][number];
export type Arrivals = z.infer<typeof arrivalsSchema>;
export type Holder = z.infer<typeof holderSchema>;
export type Sequence = z.infer<typeof schemas.sequenceSchema>;
export type KeyIndex = z.infer<typeof keyListSchema>['indexes'][number];
export type KeyIndexDetail = z.infer<typeof keyDetailSchema>;
export type Segment = KeyIndexDetail['heads'][number]['segments'][number];
export type Backfill = z.infer<typeof schemas.backfillSchema>;
export type Started = z.infer<typeof schemas.startedSchema>;

/** What JSON Schema says of a contract column; the rest is shown as it is. */
export interface ContractColumn {
  type?: string | string[];
  format?: string;
  [word: string]: unknown;
}

export type PipelineDetail = Omit<z.infer<typeof schemas.pipelineDetailSchema>, 'contract'> & {
  contract: { properties?: Record<string, ContractColumn> };
};
