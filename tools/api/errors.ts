/**
 * Makes `docs/errors.md`: every error code with its cause, its remedy and its HTTP status, from the comments in
 * `src/errors.ts` and the statuses in `src/http/problem.ts`. `npm run docs:errors` writes it, and a test compares. It
 * must never say what the sources do not say.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';

/** One code, as the sources have it. */
export interface CodeRow {
  code: string;
  /** The heading that it stands under. */
  group: string;
  cause: string;
  remedy: string;
  status: number;
}

const otherwise = 500;

function parse(root: string, name: string): ts.SourceFile {
  const at = path.join(root, name);
  return ts.createSourceFile(at, readFileSync(at, 'utf8'), ts.ScriptTarget.Latest, true);
}

/** HTTP statuses by code, where they are not the general one. */
function statuses(root: string): Map<string, number> {
  const found = new Map<string, number>();
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && node.name.getText() === 'STATUS' && node.initializer) {
      for (const [, code, status] of node.initializer.getText().matchAll(/(\w+): (\d+)/g)) {
        found.set(code!, Number(status));
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(parse(root, 'src/http/problem.ts'));
  return found;
}

/**
 * All error codes.
 * @param root the folder of the repository
 * @returns the codes in their order; cause and remedy are empty where the sources have none
 */
export function codesIn(root: string): CodeRow[] {
  const file = parse(root, 'src/errors.ts');
  const union = file.statements.find(ts.isTypeAliasDeclaration)?.type;
  if (!union || !ts.isUnionTypeNode(union)) throw new Error('src/errors.ts does not begin with the union of codes');
  const status = statuses(root);
  let group = '';
  let at = union.getFullStart();
  return union.types.map((member) => {
    const code = member.getText().slice(1, -1);
    // Comments stand before the bar, which is no part of the member.
    const before = file.text.slice(at, member.getStart());
    at = member.end;
    group = /^ *\/\/ (.*)\.$/m.exec(before)?.[1] ?? group;
    const comment = (/\/\*\*([\s\S]*?)\*\//.exec(before)?.[1] ?? '')
      .replace(/^\s*\*/gm, '')
      .replace(/\s+/g, ' ')
      .trim();
    const [cause = '', remedy = ''] = comment.split(' Remedy: ');
    return { code, group, cause, remedy, status: status.get(code) ?? otherwise };
  });
}

/** Names of documents become links. */
const linked = (text: string) => text.replace(/(?<![\w/[])([a-z-]+\.md)/g, '[$1]($1)').replaceAll('|', '\\|');

/**
 * The page.
 * @param root the folder of the repository
 * @returns `docs/errors.md`
 */
export function errorsPage(root: string): string {
  const rows = codesIn(root);
  const groups = [...new Set(rows.map(({ group }) => group))];
  return [
    '# Error codes',
    '',
    'Every error has one of these codes: in HTTP answers (`code`), in the view of a failed run (`error.code`) and in the',
    'log. The message says what happened, `where` says where (blob, row group, column, row, field), and `remedy` what to',
    'do in this case. This page is made from the code by `npm run docs:errors`; what to do about a symptom without a code',
    'is in [troubleshooting.md](troubleshooting.md). The status is that of an HTTP answer; what fails in a run fails',
    'the run, and its outcome answers 500.',
    '',
    ...groups.flatMap((group) => [
      `## ${group}`,
      '',
      '| code | status | cause | remedy |',
      '| --- | --: | --- | --- |',
      ...rows
        .filter((row) => row.group === group)
        .map(({ code, status, cause, remedy }) => `| \`${code}\` | ${status} | ${linked(cause)} | ${linked(remedy)} |`),
      '',
    ]),
  ].join('\n');
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  writeFileSync(path.join(root, 'docs/errors.md'), errorsPage(root));
}
