/** Stops a backfill or lets it go on, each after a question. Shown only where the operator allows it. */
import { useState } from 'preact/hooks';
import { post } from '../api.ts';
import type { Backfill } from '../types.ts';
import { Confirm } from './dialogs.tsx';
import { Text } from './ui.tsx';

export function BackfillActions(props: { backfill: Backfill; goesOn: boolean; onDone(): void }) {
  const { backfill, goesOn, onDone } = props;
  const [open, setOpen] = useState<'stop' | 'go on'>();
  if (backfill.status === 'Completed' && open === undefined) return null;
  const close = () => setOpen(undefined);
  const confirm = async () => {
    const { backfillId, pipeline, prefix, glob, atOnce, cut } = backfill;
    if (open === 'stop') await post(`backfills/${encodeURIComponent(backfillId)}/cancel`);
    else {
      const body = { backfillId, ...(glob === undefined ? { prefix } : { glob }), atOnce, ...cut };
      await post(`pipelines/${encodeURIComponent(pipeline)}/backfill`, body);
    }
    close();
    onDone();
  };
  const stops = open === 'stop';
  return (
    <div class="actions">
      <button type="button" onClick={() => setOpen(goesOn ? 'stop' : 'go on')}>
        {goesOn ? 'Stop the backfill' : 'Go on with it'}
      </button>
      {open !== undefined && (
        <Confirm
          title={stops ? 'Stop this backfill?' : 'Go on with this backfill?'}
          action={stops ? 'Stop the backfill' : 'Go on with it'}
          danger={stops}
          onConfirm={confirm}
          onClose={close}
        >
          <p>
            <Text of={backfill.backfillId} mono />
          </p>
          <p>
            {stops
              ? 'It starts no further runs. Those that are under way go on to their end.'
              : 'It goes on where it was: runs that have succeeded are not started again, those that failed are.'}
          </p>
        </Confirm>
      )}
    </div>
  );
}
