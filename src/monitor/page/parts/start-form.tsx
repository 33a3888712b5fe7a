/** Starts a run of a pipeline, after a question. Shown only where the operator allows it. */
import { useId, useState } from 'preact/hooks';
import { post } from '../api.ts';
import { go, href } from '../route.ts';
import type { PipelineDetail, Started } from '../types.ts';
import { Confirm } from './dialogs.tsx';
import { Text } from './ui.tsx';

export function StartForm({ pipeline }: { pipeline: PipelineDetail }) {
  const [open, setOpen] = useState(false);
  return (
    <div class="actions">
      <button type="button" onClick={() => setOpen(true)}>
        Start a run
      </button>
      {open && <Start pipeline={pipeline} onClose={() => setOpen(false)} />}
    </div>
  );
}

function Start({ pipeline, onClose }: { pipeline: PipelineDetail; onClose(): void }) {
  const { name, source } = pipeline;
  const [prefix, setPrefix] = useState(source.prefix);
  const [runId, setRunId] = useState('');
  const [dryRun, setDryRun] = useState(false);
  const id = useId();
  const start = async () => {
    const body = { ...(prefix !== '' && { prefix }), ...(runId !== '' && { runId }), ...(dryRun && { dryRun }) };
    const started = await post<Started>(`pipelines/${encodeURIComponent(name)}/runs`, body);
    onClose();
    go(href(['runs', started.runId]));
  };
  return (
    <Confirm title="Start a run?" action="Start it" onConfirm={start} onClose={onClose}>
      <p>
        Of pipeline <Text of={name} />, from container <Text of={source.container} mono />.
      </p>
      <label for={`${id}-prefix`}>Blobs whose names begin with</label>
      <input id={`${id}-prefix`} value={prefix} onInput={(event) => setPrefix(event.currentTarget.value)} />
      <label for={`${id}-run`}>Run ID (left out: a new one)</label>
      <input id={`${id}-run`} value={runId} maxLength={64} onInput={(event) => setRunId(event.currentTarget.value)} />
      <label class="check">
        <input type="checkbox" checked={dryRun} onChange={(event) => setDryRun(event.currentTarget.checked)} />
        Dry run: plan and preview, and publish nothing
      </label>
    </Confirm>
  );
}
