/** What a dry run found: the plan in figures, and the first rows of each entity. */
import { formatCount } from '../format.ts';
import type { RunView } from '../types.ts';
import { Cells } from './cells.tsx';
import { Facts, Section, Text } from './ui.tsx';

export function Plan({ run: { plan, preview } }: { run: RunView }) {
  if (!plan) return null;
  return (
    <Section title="Plan" class="outputs" note="A dry run publishes nothing.">
      <Facts
        class="wide"
        of={[
          ['Source blobs', formatCount(plan.fileCount)],
          ['Batches', formatCount(plan.batches)],
          ['Output files of each rows entity', formatCount(plan.outputFiles)],
        ]}
      />
      {preview && (
        <>
          <p class="note">
            <Text of={preview.note} />
          </p>
          {Object.entries(preview.entities).map(([entity, rows]) => {
            const names = Object.keys(rows[0] ?? {});
            return (
              <div key={entity}>
                <h3>
                  <Text of={entity} />
                </h3>
                <Cells
                  label={`First rows of ${entity}`}
                  columns={names.map((name) => ({ name }))}
                  rows={rows.map((row) => names.map((name) => row[name]))}
                />
              </div>
            );
          })}
        </>
      )}
    </Section>
  );
}
