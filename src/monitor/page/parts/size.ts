/** The width that an element has, as the window changes. Charts are drawn to it. */
import { useEffect, useState } from 'preact/hooks';
import uPlot from 'uplot';

/** @returns what to give the element as its `ref`, the element once it is there, and its width in pixels. */
export function useWidth<E extends Element>(): [(element: E | null) => void, E | null, number] {
  const [element, setElement] = useState<E | null>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    observer.observe(element);
    return () => observer.disconnect();
  }, [element]);
  return [setElement, element, width];
}

/**
 * Draws a chart as wide as its element.
 *
 * @param data what it shows; undefined to show nothing. It is drawn again when `of`, which the data are made of, is another.
 * @returns what to give the element as its `ref`.
 */
export function useChart(
  data: uPlot.AlignedData | undefined,
  of: unknown,
  optionsOf: (colour: (name: string) => string) => Omit<uPlot.Options, 'width'>,
): (element: HTMLDivElement | null) => void {
  const [ref, box, width] = useWidth<HTMLDivElement>();
  useEffect(() => {
    if (!box || !data || width === 0) return;
    // Colours of the page's style as they are now: as variables they are a light and a dark one.
    const options = optionsOf((name) => {
      box.style.color = `var(${name})`;
      return getComputedStyle(box).color;
    });
    box.style.color = '';
    const chart = new uPlot({ width, legend: { show: false }, cursor: { show: false }, ...options }, data, box);
    return () => chart.destroy();
  }, [of, box, width]);
  return ref;
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
