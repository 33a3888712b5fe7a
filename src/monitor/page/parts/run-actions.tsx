/** Cancels a run or starts it again, each after a question. Shown only where the operator allows it. */
import { useState } from 'preact/hooks';
import { ApiError, post } from '../api.ts';
import type { RunView } from '../types.ts';
import { Confirm } from './dialogs.tsx';
import { Refusal, Text } from './ui.tsx';

type Action = 'cancel' | 'restart';

export function RunActions({ run: { runId, status }, onDone }: { run: RunView; onDone(): void }) {
  const [asked, setAsked] = useState<Action>();
  const [error, setError] = useState<ApiError>();
  const live = status === 'Running' || status === 'Pending';
  const action: Action | undefined = live ? 'cancel' : status === 'Completed' ? undefined : 'restart';
  if (action === undefined && asked === undefined) return null;
  const close = () => {
    setAsked(undefined);
    setError(undefined);
  };
  const confirm = async () => {
    try {
      const body = asked === 'cancel' ? { reason: 'canceled from the monitor page' } : {};
      await post(`runs/${encodeURIComponent(runId)}/${asked}`, body);
      close();
      onDone();
    } catch (thrown) {
      if (!(thrown instanceof ApiError)) throw thrown;
      setError(thrown);
    }
  };
  return (
    <div class="actions">
      {action === 'cancel' && (
        <button type="button" onClick={() => setAsked('cancel')}>
          Cancel the run
        </button>
      )}
      {action === 'restart' && (
        <button type="button" onClick={() => setAsked('restart')}>
          Start it again
        </button>
      )}
      {asked !== undefined && (
        <Confirm
          title={asked === 'cancel' ? 'Cancel this run?' : 'Start this run again?'}
          action={asked === 'cancel' ? 'Cancel the run' : 'Start it again'}
          danger={asked === 'cancel'}
          onConfirm={confirm}
          onClose={close}
        >
          <p>
            <Text of={runId} mono />
          </p>
          <p>
            {asked === 'cancel'
              ? 'It ends, publishes nothing, and gives back what it holds. It can be started again.'
              : 'It begins anew, as its next life, with the input that it was started with.'}
          </p>
          {error && <Refusal of={error} />}
        </Confirm>
      )}
    </div>
  );
}
