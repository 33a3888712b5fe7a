/**
 * Tables in plain text. The command line and the demo print them. Widths are counted in characters, and nothing is
 * coloured.
 */

/** Rows in columns, two spaces apart; columns whose number is in `right` are aligned to the right. */
export function alignColumns(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths = (rows[0] ?? []).map((_, c) => Math.max(...rows.map((row) => (row[c] ?? '').length)));
  const aligned = (row: readonly string[]) =>
    row.map((cell, c) => (right.includes(c) ? cell.padStart(widths[c]!) : cell.padEnd(widths[c]!)));
  return rows.map((row) => aligned(row).join('  ').trimEnd());
}

/** A table with a rule under its header; columns named in `right` are aligned to the right. */
export function renderTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly string[] = [],
): string {
  const columns = [...header.keys()].filter((c) => right.includes(header[c]!));
  const [first, ...others] = alignColumns([header, ...rows], columns);
  const widths = header.map((name, c) => Math.max(name.length, ...rows.map((row) => (row[c] ?? '').length)));
  return [first, widths.map((width) => '-'.repeat(width)).join('  '), ...others].join('\n');
}
