/**
 * Each file begins with what it holds, who calls it and what it must never do: two sentences at least. What they say is
 * for a reader to judge.
 */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Folders that are held to it today. */
const folders = ['src', 'functions', 'pipelines', 'demo', 'tools', 'bench', 'cli', 'packages'];

/** Sentences of a file's first comment. */
function sentencesOf(text: string): number {
  const comment = /^(?:#!.*\n)?\/\*\*(.*?)\*\//s.exec(text)?.[1] ?? '';
  const prose = comment.replaceAll(/\n\s*\*/g, ' ').replaceAll(/`[^`]*`/g, 'code');
  return [...prose.matchAll(/\w[.:](?=\s|$)/g)].length;
}

it('files begin with two sentences or more', async () => {
  const bare: string[] = [];
  let files = 0;
  for (const folder of folders) {
    for (const name of await readdir(path.join(root, folder), { recursive: true })) {
      if (!/\.tsx?$/.test(name) || /(^|\/)(node_modules|test|dist)\//.test(name)) continue;
      files++;
      if (sentencesOf(await readFile(path.join(root, folder, name), 'utf8')) < 2) bare.push(`${folder}/${name}`);
    }
  }
  assert.ok(files > 400);
  assert.deepEqual(bare, []);
});

it('a file that says less is found', () => {
  assert.equal(sentencesOf("import a from 'a';\n/** One. Two. */"), 0);
  assert.equal(sentencesOf('/** One thing. */\n'), 1);
  assert.equal(sentencesOf('/**\n * One `a. b` thing. Another\n * one.\n */\n'), 2);
});
