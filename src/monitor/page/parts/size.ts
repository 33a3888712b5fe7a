/** The width that an element has, as the window changes. Charts are drawn to it. */
import { useEffect, useRef, useState } from 'preact/hooks';

export function useWidth<E extends Element>(): [{ current: E | null }, number] {
  const ref = useRef<E>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}

/** About `count` round values from 0 to `max`. */
export function ticks(max: number, count: number, steps: readonly number[]): number[] {
  if (max <= 0) return [0];
  const step = steps.find((one) => max / one <= count) ?? steps.at(-1)!;
  return Array.from({ length: Math.floor(max / step) + 1 }, (_, i) => i * step);
}

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
/** Milliseconds between ticks of a time axis. */
export const timeSteps = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((n) => n * second),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * minute),
  ...[1, 2, 3, 6, 12, 24].map((n) => n * hour),
];
