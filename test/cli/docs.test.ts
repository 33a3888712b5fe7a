/** docs/cli.md says what the commands say: it is made of their declarations, and none is missing. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { allCommands, commandFiles } from '../../cli/commands/index.ts';
import { exitCodes } from '../../cli/exit-codes.ts';
import { renderPage } from '../../tools/cli-docs.ts';

const commands = await allCommands();
const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');

test('the page is as `npm run docs:cli` makes it', async () => {
  expect(page).toBe(await renderPage(page));
});

test('every command and every exit code is on the page', () => {
  for (const { name } of commands) expect(page).toMatch(new RegExp(`^### \`${name}[ \`]`, 'm'));
  for (const { code } of Object.values(exitCodes)) expect(page).toMatch(new RegExp(`^\\| ${code} \\|`, 'm'));
});

test('a summary is an order without a full stop, so that help and docs can end it', () => {
  for (const { summary } of commands) expect(summary).toMatch(/^[A-Z].*[^.]$/);
});

test('every command is found by its first word, and one that stands alone says the same in both places', () => {
  for (const { name, summary } of commands) {
    const file = commandFiles[name.split(' ')[0]!];
    expect(file, name).toBeDefined();
    if (!name.includes(' ')) expect(file!.about).toBe(summary);
  }
});
