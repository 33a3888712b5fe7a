/** What the command draws: tables fitted to a width, progress, names that nobody may trust. */

import { setTimeout as delay } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { stepOf } from '../../cli/commands/follow-run.ts';
import { shownRun } from '../../cli/commands/run-shown.ts';
import { Progress, progressLine, type Step } from '../../cli/terminal/progress.ts';
import { renderParts } from '../../cli/terminal/show.ts';
import { type Column, fitColumns, renderTable } from '../../cli/terminal/table.ts';
import { duration, plain } from '../../cli/terminal/text.ts';
import type { RunView } from '../../src/view/run-view-schema.ts';

describe('a table', () => {
  const columns: Column[] = [
    { title: 'run', whole: true },
    { title: 'what happened' },
    { title: 'rows', right: true, drop: 1 },
    { title: 'folder', drop: 2 },
  ];
  const rows = [
    ['r-0123456789', 'all is well', '1,000', 'published/sales/customers'],
    ['r-2', 'a long text that says what happened to this run, word by word', '1', 'published/x'],
  ];

  test('has a rule under its header, and no space at the end of a line', () => {
    expect(
      renderTable(
        [{ title: 'a' }, { title: 'rows', right: true }],
        [
          ['xyz', '1'],
          ['', '100'],
        ],
      ),
    ).toEqual(['a    rows', '---  ----', 'xyz     1', '      100']);
  });

  test.for([34, 60, 80, 160])('of %i columns at most: whole columns stay, others are shortened or named', (room) => {
    const lines = renderTable(columns, rows, { room });
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(room);
    const text = lines.join('\n');
    expect(text).toContain('r-0123456789');
    // Each column is shown, shortened at most, or named as left out.
    for (const { title } of columns) expect(text).toContain(title.slice(0, 6));
    if (room === 160) expect(text).toContain('word by word');
    if (room === 34) expect(text).toMatch(/…[\s\S]*Not shown at this width: folder\./);
  });

  test('leaves out what matters least first', () => {
    const naturals = [12, 30, 5, 25];
    expect(fitColumns(columns, naturals, 200).left).toEqual([]);
    expect(fitColumns(columns, naturals, 38).left).toEqual(['folder']);
    expect(fitColumns(columns, naturals, 22).left).toEqual(['rows', 'folder']);
  });

  test('shows a number whole, or not at all', () => {
    const numbers: Column[] = [
      { title: 'run', whole: true },
      { title: 'what' },
      { title: 'source rows', right: true, drop: 1 },
    ];
    const run = [['r-0123456789', 'a long text that says what happened', '18,000,000']];
    for (let room = 20; room <= 80; room++) {
      const text = renderTable(numbers, run, { room }).join('\n');
      expect(/ 18,000,000$/m.test(text) || !text.includes('18'), text).toBe(true);
    }
  });

  test('counts the columns that a character takes, and paints without harm to them', () => {
    const paint = (_: string, text: string) => `\u001b[31m${text}\u001b[39m`;
    const wide = [['顧客の注文データ'.repeat(4), { text: 'wrong', tone: 'bad' as const }]];
    const lines = renderTable([{ title: 'name' }, { title: 'is' }], wide, { room: 30, paint });
    const drawn = stripVTControlCharacters(lines[2]!);
    // Each of these characters takes two columns.
    const width = [...drawn].reduce((sum, char) => sum + (char > '\u3000' ? 2 : 1), 0);
    expect(width).toBeLessThanOrEqual(30);
    expect(drawn).toMatch(/…\s+wrong$/);
  });
});

test('one empty line stands between a table and what is beside it, whoever asks for it', () => {
  const table = { columns: [{ title: 'a' }], rows: [['1']], none: '' };
  const lines = renderParts([table, '', 'b', '', table], { room: 80, paint: (_, said) => said });
  expect(lines).toEqual(['a', '-', '1', '', 'b', '', 'a', '-', '1']);
});

describe('a text from outside', () => {
  test('cannot move the cursor, change colours or turn the direction of writing', () => {
    const hostile = 'a\u001b[2J\u009b31m\r\nb\u202ecod.exe\u2066';
    expect(plain(hostile)).toBe('a\\u001b[2J\\u009b31m\\u000d\\u000ab\\u202ecod.exe\\u2066');
    const parts = renderParts(
      [
        { line: hostile, tone: 'bad' },
        { facts: [['blob', hostile]] },
        { columns: [{ title: 'blob' }], rows: [[hostile]], none: '' },
      ],
      { room: 200, paint: (_, text) => text },
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(parts.join('')).not.toMatch(/[\u0000-\u001f\u202e\u2066]/);
  });

  test('of a thousand characters is shortened in a table', () => {
    const [, , row] = renderTable([{ title: 'name' }], [['x'.repeat(1000)]]);
    expect(row!.length).toBeLessThanOrEqual(300);
    expect(row).toMatch(/…$/);
  });
});

describe('progress', () => {
  const step = (over: Partial<Step> = {}): Step => ({
    label: 'split',
    done: 3,
    total: 12,
    unit: 'batches',
    rows: { done: 750_000, total: 3_000_000 },
    ...over,
  });

  test('as a line shows phase, batches, rows, rate and time', () => {
    expect(progressLine(step(), 500)).toBe(
      'split    [######..................]  3/12 batches  750,000 of 3,000,000 rows  1,500,000 rows/s  0.5 s',
    );
    expect(progressLine(step({ note: 'waits: index orders' }), 500)).toContain('waits: index orders');
  });

  const look = (over: object) => ({
    status: 'Running' as const,
    phase: 'split' as const,
    batches: { done: 12, total: 12 },
    rows: { done: 3_000_000, total: 3_000_000 },
    ...over,
  });

  test('of a run has a bar where what is left is known, and says the phase alone where it is not', () => {
    const line = (over: object) => progressLine(stepOf(look(over)), 2_000);
    expect(line({ batches: { done: 0, total: 12 }, rows: { done: 0, total: 3_000_000 } })).toBe(
      'split    [........................]  0/12 batches  2.0 s',
    );
    expect(line({ phase: 'seal', tasks: { done: 1, total: 4 } })).toBe(
      'seal     [######..................]  1/4 tasks  1 tasks/s  2.0 s',
    );
    expect(line({ phase: 'publish', tasks: { done: 0, total: 1 } })).toBe('publish  2.0 s');
    expect(line({ phase: 'wait', waiting: 'key index "a"' })).toBe('wait     waits: key index "a"  2.0 s');
    expect(line({ phase: 'done', status: 'Completed' })).toBe('done     3,000,000 rows  1,500,000 rows/s  2.0 s');
    expect(line({ phase: 'plan', status: 'Pending' })).toBe('pending  2.0 s');
  });

  test('measures each phase by itself: what was done before its first look counts for nothing', () => {
    const lines: string[] = [];
    let ms = 0;
    const progress = new Progress({ write: (part) => lines.push(part) }, () => ms);
    const see = (at: number, over: object) => {
      ms = at;
      progress.update(stepOf(look(over)));
    };
    see(10_000, { batches: { done: 6, total: 12 }, rows: { done: 1_000_000, total: 3_000_000 } });
    see(12_000, { batches: { done: 9, total: 12 }, rows: { done: 1_500_000, total: 3_000_000 } });
    expect(lines[1]).toContain('1,500,000 of 3,000,000 rows  250,000 rows/s  12.0 s');
    see(20_000, { phase: 'seal', tasks: { done: 2, total: 40 } });
    see(22_000, { phase: 'seal', tasks: { done: 12, total: 40 } });
    expect(lines[3]).toContain('12/40 tasks  5 tasks/s  22.0 s');
  });

  test('says of which phase the time left is, and none where there is no bar', async () => {
    let text = '';
    const stream = { isTTY: true, columns: 160, write: (part: string) => (text += part) };
    const progress = new Progress(stream);
    progress.update(stepOf(look({ phase: 'seal', tasks: { done: 1, total: 4 } })));
    await delay(300);
    progress.update(stepOf(look({ phase: 'seal', tasks: { done: 2, total: 4 } })));
    await delay(200);
    expect(stripVTControlCharacters(text)).toMatch(/2\/4 tasks {2}[\d.]+ m?s left of seal/);
    text = '';
    progress.update(stepOf(look({ phase: 'publish', tasks: { done: 0, total: 1 } })));
    await delay(200);
    progress.end();
    expect(stripVTControlCharacters(text)).toMatch(/publish {2}\d/);
    expect(text).not.toContain('left');
  });

  test.for([40, 60, 160])('redraws one line on a terminal of %i columns, with the time left', async (columns) => {
    let text = '';
    const stream = { isTTY: true, columns, write: (part: string) => (text += part) };
    const progress = new Progress(stream);
    progress.update(step());
    await delay(300);
    progress.update(step({ done: 6, rows: { done: 1_500_000, total: 3_000_000 } }));
    await delay(300);
    progress.end();
    const lines = stripVTControlCharacters(text).split('\n');
    expect(lines.length).toBe(2);
    const drawn = text.split('\u001b[1G').map((one) => stripVTControlCharacters(one).trimEnd());
    for (const line of drawn) expect(line.length).toBeLessThan(columns);
    expect(drawn.some((line) => /^split .*6\/12 batches/.test(line))).toBe(true);
    if (columns === 160) expect(text).toMatch(/\d s left/);
    if (columns >= 60) expect(text).toMatch(/\[█{12}░{12}\]/);
    // The cursor is shown again.
    expect(text).toContain('\u001b[?25h');
  });

  test('writes a line for each change elsewhere', () => {
    const lines: string[] = [];
    const progress = new Progress({ write: (part) => lines.push(part) }, () => 0);
    for (const done of [1, 1, 2, 2]) progress.update(step({ done, total: 2 }));
    progress.end();
    expect(lines.length).toBe(2);
  });
});

test('durations are said as people say them', () => {
  expect([850, 12_340, 245_000, 7_380_000, 273_600_000].map(duration)).toEqual([
    '850 ms',
    '12.3 s',
    '4 min 05 s',
    '2 h 03 min',
    '3 d 4 h',
  ]);
});

test('rows that gave keys alone do not read as lost; those that went nowhere do', () => {
  const run = (routing: RunView['routing']): RunView => ({
    ...{ runId: 'r', life: 1, pipeline: 'p', status: 'Completed', phase: 'done' },
    ...{ startedAt: '2026-11-30T00:00:00.000Z', updatedAt: '2026-11-30T00:00:01.000Z' },
    ...{ batches: { done: 1, total: 1 }, rows: { done: 1300, total: 1300 }, routing },
  });
  const text = (routing: RunView['routing']) =>
    renderParts(shownRun(run(routing)), { room: 80, paint: (_, said) => said }).join('\n');
  const keys = text({ routed: 0, keysOnly: 1300, unrouted: 0, repeated: 0 });
  expect(keys).toMatch(/rows that gave keys alone +1,300: all went to keyed entities/);
  expect(keys).not.toContain('no entity');
  const some = text({ routed: 1000, keysOnly: 200, unrouted: 100, repeated: 0 });
  expect(some).toMatch(/rows that gave keys alone +200\n/);
  expect(some).toMatch(/rows to no entity +100/);
});
