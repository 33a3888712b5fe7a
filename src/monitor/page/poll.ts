/**
 * Asks for a resource again and again while the tab is seen. All pages use it. It slows down while nothing changes, more
 * so where an answer takes long, and must never have two requests for one resource under way.
 */
import { useEffect, useState } from 'preact/hooks';
import { ApiError, appNow, get } from './api.ts';

export const FAST_MS = 2_000;
const SLOW_MS = 30_000;
/** After an answer that took long: so many times its duration. */
const REST = 4;

export interface Polled<T> {
  value?: T;
  error?: ApiError;
  /** When the last answer came, in milliseconds since 1970. */
  at: number;
  /** Asks again at once. */
  again(): void;
}

/** When the next request is due, from what the last one came to. */
export function nextDelay(before: number, changed: boolean, failed: boolean, tookMs: number): number {
  if (failed) return Math.min(SLOW_MS, Math.max(FAST_MS, before * 2));
  const wanted = changed ? FAST_MS : Math.min(SLOW_MS, before * 1.5);
  return Math.max(wanted, tookMs * REST);
}

/**
 * The resource at `path`, kept up to date. An undefined path asks for nothing.
 *
 * @param ends whether a value is final, so that it need not be asked for again.
 */
export function usePoll<T>(path: string | undefined, ends?: (value: T) => boolean): Polled<T> {
  const [state, setState] = useState<{ path?: string; value?: T; error?: ApiError; at: number }>({ at: 0 });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (path === undefined) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let delay = FAST_MS;
    let last: T | undefined;
    let due = true;
    const look = async (): Promise<void> => {
      due = false;
      const started = performance.now();
      let changed = false;
      let failed = false;
      try {
        const value = await get<T>(path, abort.signal);
        changed = value !== last;
        last = value;
        setState({ path, value, at: Date.now() });
        if (ends?.(value)) return;
      } catch (thrown) {
        if (abort.signal.aborted) return;
        failed = true;
        const error =
          thrown instanceof ApiError ? thrown : new ApiError({ status: 0, code: 'Internal', detail: String(thrown) });
        setState((before) => ({ ...(before.path === path ? before : {}), path, error, at: Date.now() }));
      }
      delay = nextDelay(delay, changed, failed, performance.now() - started);
      timer = setTimeout(() => {
        due = true;
        if (!document.hidden) void look();
      }, delay);
    };
    const seen = () => {
      if (document.hidden || !due) return;
      void look();
    };
    document.addEventListener('visibilitychange', seen);
    void look();
    return () => {
      abort.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', seen);
    };
  }, [path, turn]);
  const { path: of, ...shown } = state;
  return { ...(of === path ? shown : { at: 0 }), again: () => setTurn((n) => n + 1) };
}

/** The present time by the app's clock, renewed while something is under way. */
export function useNow(ticks: boolean): number {
  const [now, setNow] = useState(appNow());
  useEffect(() => {
    if (!ticks) return;
    setNow(appNow());
    const timer = setInterval(() => setNow(appNow()), 1000);
    return () => clearInterval(timer);
  }, [ticks]);
  return now;
}
