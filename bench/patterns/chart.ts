/**
 * The two charts of docs/patterns.md, as SVG text: how many rows a second each pattern numbers, with what ten deaths left
 * of it (on a logarithmic scale, for patterns differ a thousandfold), and how much work it is by the number of files. Drawn
 * by the report; nothing is computed here but places.
 */
import { colours, svg, text } from '../chart.ts';

const width = 760;
const left = 210;
const squareColours = { right: '#3fb950', gaps: '#d29922', wrong: '#f85149' };
const squareWords = { right: 'nothing wrong', gaps: 'gaps or order', wrong: 'wrong data' };

export interface PatternBar {
  label: string;
  /** Rows a second. */
  value: number;
  own: boolean;
  /** Measured on a share of the rows: its bar is hatched. */
  share: boolean;
  /** One for each death. */
  squares: ('right' | 'gaps' | 'wrong')[];
}

export function patternsChart(bars: readonly PatternBar[]): string {
  const [top, step, barHeight, right] = [74, 26, 16, 520];
  const bottom = top + bars.length * step;
  const most = Math.ceil(Math.log10(Math.max(10, ...bars.map(({ value }) => value))));
  const x = (value: number) => left + ((right - left) * Math.log10(Math.max(1, value))) / most;
  const parts = [
    `<defs><pattern id="share" width="6" height="6" patternTransform="rotate(45)" patternUnits="userSpaceOnUse"><rect width="3" height="6" fill="${colours.other}"/></pattern></defs>`,
    text(left, top - 26, 'rows a second (each line is ten times the one before)'),
    text(right + 80, top - 26, 'ten deaths'),
  ];
  for (let power = 0; power <= most; power++) {
    const at = x(10 ** power).toFixed(1);
    parts.push(
      `<line x1="${at}" x2="${at}" y1="${top - 6}" y2="${bottom}" stroke="${colours.grid}"/>`,
      text(Number(at), top - 10, (10 ** power).toLocaleString('en-US', { notation: 'compact' }), { anchor: 'middle' }),
    );
  }
  for (const [i, { label, value, own, share, squares }] of bars.entries()) {
    const y = top + i * step + 4;
    const fill = own ? colours.own : share ? 'url(#share)' : colours.other;
    parts.push(
      text(left - 8, y + 12, label, { anchor: 'end', weight: own ? 600 : 400 }),
      `<rect x="${left}" y="${y}" width="${Math.max(1, x(value) - left).toFixed(1)}" height="${barHeight}" rx="2" fill="${fill}"/>`,
      text(x(value) + 6, y + 12, value.toLocaleString('en-US')),
    );
    for (const [at, kind] of squares.entries()) {
      parts.push(
        `<rect x="${right + 80 + at * 14}" y="${y + 3}" width="11" height="11" rx="2" fill="${squareColours[kind]}"/>`,
      );
    }
  }
  const legendY = bottom + 20;
  parts.push(
    `<rect x="${left}" y="${legendY - 10}" width="24" height="11" rx="2" fill="url(#share)"/>`,
    text(left + 30, legendY, 'on a share of the rows'),
  );
  let legendX = left + 200;
  for (const kind of ['right', 'gaps', 'wrong'] as const) {
    parts.push(
      `<rect x="${legendX}" y="${legendY - 10}" width="11" height="11" rx="2" fill="${squareColours[kind]}"/>`,
      text(legendX + 16, legendY, squareWords[kind]),
    );
    legendX += 120;
  }
  return svg('Numbering rows in Functions: speed, and what ten deaths leave behind', bottom + 36, parts);
}

export interface GrowthLine {
  name: string;
  own: boolean;
  /** Files, and CPU seconds per million rows. */
  points: { x: number; y: number }[];
}

const lineColours = ['#d29922', '#3fb950', '#f85149', '#a371f7', '#39c5cf'];
const labelStep = 16;

export function growthChart(all: readonly GrowthLine[]): string {
  const [start, end, top, bottom] = [60, width - 220, 50, 340];
  const points = all.flatMap((line) => line.points);
  const powers = points.map((point) => Math.log10(point.x));
  const [low, high] = [Math.min(...powers), Math.max(...powers)];
  const x = (files: number) => start + ((end - start) * (Math.log10(files) - low)) / Math.max(1, high - low);
  const tickStep = tickOf(Math.max(...points.map((point) => point.y)));
  const ticks = Math.ceil(Math.max(...points.map((point) => point.y)) / tickStep);
  const y = (seconds: number) => bottom - ((bottom - top) * seconds) / (ticks * tickStep);
  const parts: string[] = [];
  for (let i = 0; i <= ticks; i++) {
    const at = y(i * tickStep).toFixed(1);
    parts.push(
      `<line x1="${start}" x2="${end}" y1="${at}" y2="${at}" stroke="${colours.grid}"/>`,
      text(start - 8, Number(at) + 4, (i * tickStep).toLocaleString('en-US'), { anchor: 'end' }),
    );
  }
  for (const files of new Set(points.map((point) => point.x))) {
    parts.push(text(x(files), bottom + 20, `${files.toLocaleString('en-US')} files`, { anchor: 'middle' }));
  }
  // Names stand beside the last points, as far apart as they need.
  const names = all.map((line) => ({ line, y: y(line.points.at(-1)!.y) })).sort((a, b) => a.y - b.y);
  for (const [i, name] of names.entries()) if (i > 0) name.y = Math.max(name.y, names[i - 1]!.y + labelStep);
  let others = 0;
  for (const { line, y: labelY } of names) {
    const colour = line.own ? colours.own : lineColours[others++ % lineColours.length]!;
    const path = line.points.map((p) => `${x(p.x).toFixed(1)},${y(p.y).toFixed(1)}`);
    const last = line.points.at(-1)!;
    parts.push(
      `<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="${line.own ? 3 : 2}"/>`,
      ...line.points.map((p) => `<circle cx="${x(p.x).toFixed(1)}" cy="${y(p.y).toFixed(1)}" r="3" fill="${colour}"/>`),
      `<line x1="${(x(last.x) + 4).toFixed(1)}" y1="${y(last.y).toFixed(1)}" x2="${(x(last.x) + 16).toFixed(1)}" y2="${labelY.toFixed(1)}" stroke="${colour}"/>`,
      text(x(last.x) + 20, labelY + 4, line.name, { fill: colour, weight: line.own ? 600 : 400 }),
    );
  }
  return svg(
    'CPU seconds per million rows by files (lower is better): 2,000 rows a file, two in flight',
    bottom + 40,
    parts,
  );
}

/** One, two or five times a power of ten, of which at most six make `most`. */
function tickOf(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most / 5));
  return [1, 2, 5, 10].map((times) => times * power).find((step) => most / step <= 6)!;
}
