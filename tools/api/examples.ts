/**
 * Compiles the examples of docstrings, all in one go, so that none of them can be out of date. A test calls it. It runs no
 * example and writes no file.
 */
import path from 'node:path';
import ts from 'typescript';
import { settingsOf } from './docstrings.ts';

/** One `@example`. */
export interface Example {
  /** Path from the root, the line of the tag, and what it belongs to. */
  place: string;
  /** The exported name, with the member where it is one: `Builder.keyed`. */
  name: string;
  code: string;
  /** What carries it. */
  node: ts.Node;
}

/** What examples may use without saying where it comes from: what a pipeline's module imports, and tickets to work on. */
const prelude = `
import { z } from 'zod';
import { pipeline, registerPipelines, shared, sharedIndex, type, type Builder, type RowOf } from './index.ts';
const row = z.object({ email: z.string(), kind: z.enum(['sale', 'refund']), sold_at: z.date(), price: z.number().nullable() });
declare const words: Builder<RowOf<typeof row>>;
const { id, nextId, first, map, compute, constant, ref, rowRef, sourceFile, sourceRow, where } = words;
const records = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('sale'), price: z.number() }),
  z.object({ kind: z.literal('refund'), email: z.string() }),
]);
declare const tickets: ReturnType<typeof pipeline>;
const rest = {
  name: 'tickets',
  source: { container: 'landing', prefix: 'tickets/' },
  row,
  entities: ({ id }: typeof words) => ({ sales: { kind: 'rows', id: id('sale_id'), columns: { price: 'price' } } as const }),
};
`;

/** All examples in a file, with the name that each belongs to. */
function examplesIn(file: ts.SourceFile, root: string): Example[] {
  const found: Example[] = [];
  const visit = (node: ts.Node, within: string) => {
    const own = nameOf(node);
    const name = own && within ? `${within}.${own}` : (own ?? within);
    for (const tag of ts
      .getJSDocTags(node)
      .filter(({ tagName, parent }) => tagName.text === 'example' && parent.parent === node)) {
      const { line } = file.getLineAndCharacterOfPosition(tag.getStart());
      const place = `${path.relative(root, file.fileName)}:${line + 1} ${name}`;
      found.push({ place, name, code: ts.getTextOfJSDocComment(tag.comment) ?? '', node });
    }
    ts.forEachChild(node, (child) => visit(child, name));
  };
  ts.forEachChild(file, (node) => visit(node, ''));
  return found;
}

function nameOf(node: ts.Node): string | undefined {
  if (ts.isVariableStatement(node)) return node.declarationList.declarations[0]?.name.getText();
  const named =
    ts.isFunctionDeclaration(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isMethodSignature(node) ||
    ts.isPropertySignature(node) ||
    ts.isPropertyAssignment(node);
  return named ? node.name?.getText() : undefined;
}

/**
 * The examples in the docstrings of a folder.
 * @param root the folder of the repository
 * @param folder path from there
 * @returns the examples, by file and line
 */
export function examplesOf(root: string, folder: string): Example[] {
  return ts.sys.readDirectory(path.join(root, folder), ['.ts']).flatMap((name) => {
    const text = ts.sys.readFile(name) ?? '';
    return examplesIn(ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true), root);
  });
}

/**
 * Compiles examples as modules beside `src/pipeline/index.ts`.
 * @param root the folder of the repository
 * @param examples what to compile
 * @returns what the compiler says, with the place of the example; empty when all compile
 */
export function problemsOf(root: string, examples: readonly Example[]): string[] {
  const options = { ...settingsOf(root), noUnusedLocals: false, noUnusedParameters: false };
  const files = new Map(
    examples.map(({ code }, at) => [path.join(root, 'src/pipeline', `example-${at}.ts`), `${prelude}\n${code}\n`]),
  );
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (name) => files.has(name) || fileExists(name);
  host.readFile = (name) => files.get(name) ?? readFile(name);
  host.getSourceFile = (name, version, ...rest) => {
    const text = files.get(name);
    return text === undefined ? getSourceFile(name, version, ...rest) : ts.createSourceFile(name, text, version);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files.keys()].flatMap((name, at) => {
    const file = program.getSourceFile(name);
    const said = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
    return said.map(
      ({ messageText }) => `${examples[at]!.place}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    );
  });
}
