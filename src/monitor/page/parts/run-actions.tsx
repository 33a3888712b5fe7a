/** Cancels a run or starts it again, each after a question. Shown only where the operator allows it. */
import { useState } from 'preact/hooks';
import { post } from '../api.ts';
import type { RunView } from '../types.ts';
import { Confirm } from './dialogs.tsx';
import { Text } from './ui.tsx';

const words = {
  cancel: {
    title: 'Cancel this run?',
    action: 'Cancel the run',
    means: 'It ends, publishes nothing, and gives back what it holds. It can be started again.',
  },
  restart: {
    title: 'Start this run again?',
    action: 'Start it again',
    means: 'It begins anew, as its next life, with the input that it was started with.',
  },
};
type Action = keyof typeof words;

export function RunActions({ run: { runId, status }, onDone }: { run: RunView; onDone(): void }) {
  const [asked, setAsked] = useState<Action>();
  const live = status === 'Running' || status === 'Pending';
  const action: Action | undefined = live ? 'cancel' : status === 'Completed' ? undefined : 'restart';
  if (action === undefined && asked === undefined) return null;
  const close = () => setAsked(undefined);
  const confirm = async () => {
    const body = asked === 'cancel' ? { reason: 'canceled from the monitor page' } : {};
    await post(`runs/${encodeURIComponent(runId)}/${asked}`, body);
    close();
    onDone();
  };
  return (
    <div class="actions">
      {action !== undefined && (
        <button type="button" onClick={() => setAsked(action)}>
          {words[action].action}
        </button>
      )}
      {asked !== undefined && (
        <Confirm {...words[asked]} danger={asked === 'cancel'} onConfirm={confirm} onClose={close}>
          <p>
            <Text of={runId} mono />
          </p>
          <p>{words[asked].means}</p>
        </Confirm>
      )}
    </div>
  );
}
