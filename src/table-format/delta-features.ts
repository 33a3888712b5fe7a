/**
 * What a Delta table may need of a writer that this code does not do: checked before anything is committed to it. Adding
 * files to a table is safe with many features; the others are refused by name.
 *
 * Specification: Delta `PROTOCOL.md`, "Table Features", "Requirements for Writers".
 */
import type { MetaData, Protocol } from './delta-actions.ts';

/** Features under which files may be added without more ado. */
const harmless = new Set([
  'appendOnly',
  'invariants',
  'changeDataFeed',
  'checkConstraints',
  'generatedColumns',
  'columnMapping',
  'identityColumns',
  'deletionVectors',
  'timestampNtz',
  'vacuumProtocolCheck',
]);

/** Properties that ask something of each file that is added. */
const demanding: readonly { property: RegExp; unless?: string; needs: string }[] = [
  { property: /^delta\.constraints\./, needs: 'has constraints that each row must be checked against' },
  { property: /^delta\.columnMapping\.mode$/, unless: 'none', needs: 'maps its columns to other names in files' },
  { property: /^delta\.enableRowTracking$/, unless: 'false', needs: 'numbers its rows' },
  { property: /^delta\.enableInCommitTimestamps$/, unless: 'false', needs: 'keeps timestamps in commits' },
  // What a run has committed would be forgotten, and committed again.
  { property: /^delta\.setTransactionRetentionDuration$/, needs: 'forgets transactions after some time' },
  { property: /^delta\.enableIcebergCompatV\d$/, unless: 'false', needs: 'is kept compatible with Iceberg' },
];

/** What a table needs, as the end of a sentence; undefined when files may be added to it. */
export function needsWhat({ minReaderVersion, minWriterVersion, ...of }: Protocol, metaData: MetaData) {
  if (minReaderVersion > 3 || minWriterVersion > 7)
    return `has protocol ${minReaderVersion}/${minWriterVersion}, which is newer than 3/7`;
  const strange = [...(of.readerFeatures ?? []), ...(of.writerFeatures ?? [])].find((one) => !harmless.has(one));
  if (strange !== undefined) return `has the feature ${strange}`;
  for (const [property, value] of Object.entries(metaData.configuration ?? {})) {
    const demand = demanding.find((one) => one.property.test(property) && value !== one.unless);
    if (demand) return demand.needs;
  }
  if (metaData.partitionColumns.length > 0) return `is partitioned by ${metaData.partitionColumns.join(', ')}`;
  const { fields } = JSON.parse(metaData.schemaString) as { fields: { name: string; metadata?: object }[] };
  for (const { name, metadata } of fields) {
    const rule = Object.keys(metadata ?? {}).find((key) =>
      /^delta\.(invariants|generationExpression|identity)/.test(key),
    );
    if (rule !== undefined) return `has a rule for column "${name}" (${rule})`;
  }
  return undefined;
}
