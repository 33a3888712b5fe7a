/**
 * The ways to number rows that the pattern bench compares, and what each is called. The bench, its report and its test
 * read this list; a new pattern is one entry and an app.
 */
export interface Variant {
  /** As `--only` takes it. */
  name: string;
  /** In tables and charts. */
  label: string;
  /** Folder of its app below `apps`; none: Ordinal, the app of this repository. */
  app?: string;
  /** Given to the app: numbers one by one, or all of a file at once. */
  per?: 'row' | 'file';
  /** Needs the bench's PostgreSQL. */
  postgres?: true;
  /** Never has more than one activity in flight. */
  sequential?: true;
}

export const variants: readonly Variant[] = [
  { name: 'sequential', label: 'Sequential, next ID in a blob', app: 'sequential', per: 'file', sequential: true },
  { name: 'etag-row', label: 'ETag counter, per row', app: 'etag-counter', per: 'row' },
  { name: 'etag-file', label: 'ETag counter, per file', app: 'etag-counter', per: 'file' },
  { name: 'sql-row', label: 'SQL sequence, per row', app: 'sql-sequence', per: 'row', postgres: true },
  { name: 'sql-block', label: 'SQL sequence, in blocks', app: 'sql-sequence', per: 'file', postgres: true },
  { name: 'queue', label: 'Queue of number ranges', app: 'number-queue', per: 'file' },
  { name: 'entity-row', label: 'Durable entity, per row', app: 'entity', per: 'row' },
  { name: 'entity-file', label: 'Durable entity, per file', app: 'entity', per: 'file' },
  { name: 'ordinal', label: 'Ordinal' },
];

/** Whether it runs on a share of the rows only, because each row asks by itself. */
export function isShare({ per }: Variant): boolean {
  return per === 'row';
}
