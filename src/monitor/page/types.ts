/**
 * The shapes of the API's answers, as the page reads them. Those of runs are the API's own types; the others are what
 * the page needs of them.
 */
import type { FileRows } from '../../view/first-rows.ts';
import type { RunSummary, RunView } from '../../view/run-view-schema.ts';
import type { TimelineView } from '../../view/timeline-view.ts';

export type { FileRows, RunSummary, RunView, TimelineView };

export interface RunList {
  runs: RunSummary[];
  continuation?: string;
}

export interface About {
  version: string;
  monitor: { actions: boolean };
}

export interface EntityOutline {
  name: string;
  kind: 'rows' | 'keyed';
  columns: { name: string; kind: string }[];
  key?: string[];
}

export interface Pipeline {
  name: string;
  source: { container: string; prefix: string; suffix: string };
  output: { container: string; prefix: string };
  arrival?: { on: string };
  onInvalid: string;
  entities: EntityOutline[];
  sequences: string[];
}

/** What JSON Schema says of a contract column; the rest is shown as it is. */
export interface ContractColumn {
  type?: string | string[];
  format?: string;
  [word: string]: unknown;
}

export interface PipelineDetail extends Pipeline {
  hash: string;
  contract: { properties?: Record<string, ContractColumn>; required?: string[] };
  identity: {
    entities: Record<string, { kind: string; sequence: string; index?: string; partitions?: number; key?: string[] }>;
    steps: Record<string, string>;
  };
  references: { from: string; column: string; to: string }[];
}

export interface Arrivals {
  mode?: string;
  waiting: number;
  oldest?: string;
  blobs: string[];
  refused: number;
  refusals: { blob: string; size: number; message: string; at: string }[];
}

export interface Holder {
  owner: string;
  runId?: string;
  status?: string;
  since?: string;
}

export interface Sequence {
  name: string;
  pipelines: string[];
  start: string;
  step: string;
  next: string;
  free: { first: string; count: string }[];
  open: (Holder & { count: string })[];
}

export interface KeyIndex {
  index: string;
  entities: string[];
  used: boolean;
  epoch: number;
  keyTypes: string[];
  partitions: number;
  keys: number;
  bytes: number;
  segments: number;
  lease: { grants: number; holder?: Holder; waiting: Holder[] };
}

export interface Segment {
  blob: string;
  keys: number;
  bytes: number;
  level: number;
}

export interface KeyIndexDetail extends KeyIndex {
  heads: {
    partition: number;
    keys: number;
    bytes: number;
    version: number;
    segments: Segment[];
    attributes: Record<string, Segment[]>;
    pending?: { runId: string; entity: string; keys: number };
  }[];
}

export interface Backfill {
  backfillId: string;
  pipeline: string;
  status: RunSummary['status'] | 'Canceled' | 'ContinuedAsNew' | 'Suspended';
  phase: 'plan' | 'run' | 'done' | 'failed';
  prefix: string;
  glob?: string;
  atOnce: number;
  cut: { by: 'folder' | 'size'; depth?: number; bytes: number; files: number };
  startedBy?: RunSummary['startedBy'];
  runs: { done: number; total: number; going: string[] };
  files: { done: number; total: number };
  bytes: { done: number; total: number };
  rows: number;
  startedAt: string;
  updatedAt: string;
  error?: { code: string; message: string; runId?: string };
}

export interface Started {
  runId: string;
  created: boolean;
}
