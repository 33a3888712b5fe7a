/**
 * Dialogs: the one that asks for a key, and the one that asks whether an action is meant. The shell and the actions use
 * them. They are the browser's own, so that focus and Escape work as everywhere.
 */
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { ApiError } from '../api.ts';
import { Refusal } from './ui.tsx';

/** A dialog that is open while it is there. */
function Dialog({ title, onClose, children }: { title: string; onClose?: () => void; children: ComponentChildren }) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => ref.current?.showModal(), []);
  return (
    <dialog
      ref={ref}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose?.();
      }}
    >
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}

/** Asks for the function key. It is kept for this tab, and is sent in a header. */
export function KeyDialog({ refused, onKey }: { refused: boolean; onKey(key: string): void }) {
  const [key, setKey] = useState('');
  const [odd, setOdd] = useState(false);
  const id = useId();
  return (
    <Dialog title="This app wants a key">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const given = key.trim();
          // A header takes no others, and no key has them: what was copied along is of the text around it.
          const isOdd = !/^[!-~]+$/.test(given);
          setOdd(isOdd);
          if (!isOdd) onKey(given);
        }}
      >
        {odd && (
          <p class="refusal" role="alert">
            That is not a key: it has spaces or other characters that no key has. Copy it again.
          </p>
        )}
        {refused && !odd && (
          <p class="refusal" role="alert">
            The app refused that key.
          </p>
        )}
        <p>
          A function key of the app opens its API. It is kept for this tab alone, until the tab is closed, and is in no
          address.
        </p>
        <label for={id}>Function key</label>
        <input
          id={id}
          type="password"
          autocomplete="off"
          value={key}
          onInput={(event) => setKey(event.currentTarget.value)}
        />
        <div class="buttons">
          <button type="submit" class="primary" disabled={key === ''}>
            Open
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface ConfirmProps {
  title: string;
  /** The word on the button that does it. */
  action: string;
  danger?: boolean;
  children?: ComponentChildren;
  /** Does it, and closes the dialog. What the API refuses is shown in it. */
  onConfirm(): Promise<void>;
  onClose(): void;
}

/** Asks before something is done. */
export function Confirm({ title, action, danger, children, onConfirm, onClose }: ConfirmProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const confirm = async () => {
    setBusy(true);
    try {
      await onConfirm();
    } catch (thrown) {
      if (!(thrown instanceof ApiError)) throw thrown;
      setError(thrown);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      {children}
      {error && <Refusal of={error} />}
      <div class="buttons">
        <button type="button" onClick={onClose}>
          Leave it
        </button>
        <button type="button" class={danger ? 'danger' : 'primary'} disabled={busy} onClick={() => void confirm()}>
          {action}
        </button>
      </div>
    </Dialog>
  );
}
