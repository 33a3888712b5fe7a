/** Two charts as SVG text: bars in groups, and lines. Colours that read on a light and on a dark page. */

const width = 760;
export const colours = { own: '#2f81f7', other: '#8b949e', text: '#7d8590', grid: '#7d859055' };
const lineColours = ['#2f81f7', '#d29922', '#3fb950', '#f85149'];

export interface BarChart {
  title: string;
  groups: { name: string; bars: { name: string; value: number; own: boolean }[] }[];
}

/** Horizontal bars; each group has a scale of its own. */
export function barChart({ title, groups }: BarChart): string {
  const [labelWidth, barHeight, step] = [190, 16, 23];
  const room = width - labelWidth - 80;
  const parts: string[] = [];
  let y = 50;
  for (const { name, bars } of groups) {
    parts.push(text(10, y, name, { weight: 600 }));
    y += 12;
    const most = Math.max(...bars.map((bar) => bar.value));
    for (const bar of bars) {
      const length = Math.max(1, (room * bar.value) / most);
      parts.push(
        text(labelWidth - 8, y + 12, bar.name, { anchor: 'end' }),
        `<rect x="${labelWidth}" y="${y}" width="${length.toFixed(1)}" height="${barHeight}" rx="2" fill="${bar.own ? colours.own : colours.other}"/>`,
        text(labelWidth + length + 6, y + 12, `${bar.value.toFixed(2)} s`),
      );
      y += step;
    }
    y += 24;
  }
  return svg(title, y - 10, parts);
}

export interface LineChart {
  title: string;
  series: { name: string; points: { x: number; y: number }[] }[];
}

/** Lines from the origin of both axes. */
export function lineChart({ title, series }: LineChart): string {
  const [left, top, bottom, right] = [50, 50, 320, width - 130];
  const all = series.flatMap((one) => one.points);
  const [mostX, mostY] = [Math.max(...all.map((p) => p.x)), Math.max(...all.map((p) => p.y))];
  const x = (value: number) => left + ((right - left) * value) / mostX;
  const y = (value: number) => bottom - ((bottom - top) * value) / mostY;
  const parts: string[] = [];
  for (let i = 0; i <= 4; i++) {
    const value = (mostY * i) / 4;
    parts.push(
      `<line x1="${left}" x2="${right}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}" stroke="${colours.grid}"/>`,
      text(left - 8, y(value) + 4, value.toFixed(1), { anchor: 'end' }),
    );
  }
  for (const value of new Set(all.map((p) => p.x))) {
    parts.push(text(x(value), bottom + 20, String(value), { anchor: 'middle' }));
  }
  for (const [i, { name, points }] of series.entries()) {
    const colour = lineColours[i % lineColours.length]!;
    const path = points.map((p) => `${x(p.x).toFixed(1)},${y(p.y).toFixed(1)}`);
    parts.push(`<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    for (const p of points)
      parts.push(`<circle cx="${x(p.x).toFixed(1)}" cy="${y(p.y).toFixed(1)}" r="3" fill="${colour}"/>`);
    const last = points.at(-1)!;
    parts.push(text(x(last.x) + 8, y(last.y) + 4, name, { fill: colour }));
  }
  return svg(title, bottom + 40, parts);
}

interface TextStyle {
  anchor?: 'start' | 'middle' | 'end';
  weight?: number;
  fill?: string;
}

export function text(x: number, y: number, value: string, style: TextStyle = {}): string {
  const { anchor = 'start', weight = 400, fill = colours.text } = style;
  const escaped = value.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" font-weight="${weight}" fill="${fill}">${escaped}</text>`;
}

export function svg(title: string, height: number, parts: string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="${title}">`,
    text(10, 24, title, { weight: 600 }),
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}
