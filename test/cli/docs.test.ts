/** docs/cli.md says what the commands say: it is made of their declarations, and none is missing. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { commands } from '../../cli/commands/index.ts';
import { exitCodes } from '../../cli/exit-codes.ts';
import { renderPage } from '../../tools/cli-docs.ts';

const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');

test('the page is as `npm run docs:cli` makes it', () => {
  expect(page).toBe(renderPage(page));
});

test('every command and every exit code is on the page', () => {
  for (const { name } of commands) expect(page).toMatch(new RegExp(`^### \`${name}[ \`]`, 'm'));
  for (const { code } of Object.values(exitCodes)) expect(page).toMatch(new RegExp(`^\\| ${code} \\|`, 'm'));
});

test('a summary is an order without a full stop, so that help and docs can end it', () => {
  for (const { summary } of commands) expect(summary).toMatch(/^[A-Z].*[^.]$/);
});
