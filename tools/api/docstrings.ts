/**
 * Finds what is missing in the docstrings of the folders that others build on: a docstring, a parameter, what comes back,
 * or the code of an error that is thrown. A test calls it, and a person by hand. It reads the sources and changes nothing.
 *
 *   node tools/api/docstrings.ts
 */
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';

/** Folders of `src/` whose exports are documented in full. */
export const documentedFolders = ['bytes', 'keys', 'parquet', 'pipeline', 'sequence', 'storage'];

/** `Internal` is a defect of ours. Nobody can prepare for it, so no docstring names it. */
const unspoken = new Set(['Internal']);

/** Functions that catch an error of their arguments, by name. */
const keepsIn: Record<string, string> = { guarded: 'RangeError', unlessConflict: 'StorageConflict' };

type Callable = ts.FunctionLikeDeclaration;

/** The compiler's settings, as the repository has them. */
export function settingsOf(root: string): ts.CompilerOptions {
  const { config } = ts.readConfigFile(path.join(root, 'tsconfig.json'), ts.sys.readFile) as { config: object };
  return ts.parseJsonConfigFileContent({ ...config, files: [], include: undefined }, ts.sys, root).options;
}

/** What `@throws` tags begin with, between backticks: codes or classes, one or several. */
function spokenIn(node: ts.Node): Set<string> {
  const tags = ts.getJSDocTags(node).filter(ts.isJSDocThrowsTag);
  const heads = tags.map(
    (tag) => /^(?:`\w+`(?:, | or | and )?)+/.exec(ts.getTextOfJSDocComment(tag.comment) ?? '')?.[0] ?? '',
  );
  return new Set(heads.flatMap((head) => [...head.matchAll(/\w+(?=`)/g)].map(([name]) => name)));
}

/**
 * What a function lets out: the codes that it throws, the classes of plain errors, and all of what it calls. A method that is
 * only declared lets out what its docstring says. A `try` with a `catch` keeps everything in, and a call of a function of
 * `keepsIn` what stands there.
 */
class Thrown {
  readonly #checker: ts.TypeChecker;
  readonly #known = new Map<ts.Node, Set<string>>();

  constructor(checker: ts.TypeChecker) {
    this.#checker = checker;
  }

  of(callable: ts.SignatureDeclaration): Set<string> {
    const known = this.#known.get(callable);
    if (known) return known;
    const thrown = new Set<string>();
    // In a circle of calls, the one that is asked for first has all.
    this.#known.set(callable, thrown);
    if ('body' in callable && callable.body) this.#collect(callable.body as ts.Node, thrown);
    else for (const name of spokenIn(callable)) thrown.add(name);
    return thrown;
  }

  #collect(node: ts.Node, thrown: Set<string>): void {
    if (ts.isTryStatement(node) && node.catchClause) {
      this.#collect(node.catchClause, thrown);
      if (node.finallyBlock) this.#collect(node.finallyBlock, thrown);
      return;
    }
    const kept = ts.isCallExpression(node) ? keepsIn[node.expression.getText()] : undefined;
    if (ts.isCallExpression(node) && kept !== undefined) {
      const within = new Set<string>();
      for (const argument of node.arguments) this.#collect(argument, within);
      within.delete(kept);
      for (const name of within) thrown.add(name);
    }
    if (ts.isThrowStatement(node) && ts.isNewExpression(node.expression)) {
      const name = node.expression.expression.getText();
      if (name !== 'OrdinalError') thrown.add(name);
    }
    if (ts.isNewExpression(node) && node.expression.getText() === 'OrdinalError') {
      for (const code of codesIn(node.arguments?.[0])) thrown.add(code);
    }
    if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
      const target = this.#checker.getResolvedSignature(node)?.declaration;
      const ours = target && !ts.isJSDocSignature(target) && target.getSourceFile().fileName.includes('/src/');
      if (ours) for (const name of this.of(target)) thrown.add(name);
      if (kept !== undefined) return;
    }
    // What an inner function throws is let out when it is called, which is mostly here: as an argument of a call.
    ts.forEachChild(node, (child) => this.#collect(child, thrown));
  }
}

/** The codes that the first argument of an `OrdinalError` may be. */
function codesIn(argument: ts.Expression | undefined): string[] {
  if (argument === undefined) return [];
  if (ts.isConditionalExpression(argument)) return [...codesIn(argument.whenTrue), ...codesIn(argument.whenFalse)];
  return ts.isStringLiteral(argument) && !unspoken.has(argument.text) ? [argument.text] : [];
}

interface Documented {
  name: string;
  callable: Callable;
  /** The node that carries the docstring. */
  carrier: ts.Node;
  /** A method is read within its class: it may leave out what its parameters and results are. */
  method: boolean;
}

const isExported = (node: ts.Node) =>
  ts.canHaveModifiers(node) && ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true;

const isHidden = (node: ts.Node) =>
  ts.canHaveModifiers(node) &&
  ts
    .getModifiers(node)
    ?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword || kind === ts.SyntaxKind.OverrideKeyword);

/** The exported functions of a file, and the public methods of its exported classes. */
function documentedOf(file: ts.SourceFile): Documented[] {
  return file.statements.filter(isExported).flatMap((statement): Documented[] => {
    if (ts.isFunctionDeclaration(statement)) {
      return statement.body
        ? [{ name: statement.name!.text, callable: statement, carrier: statement, method: false }]
        : [];
    }
    if (ts.isVariableStatement(statement)) {
      return statement.declarationList.declarations.flatMap(({ name, initializer }) =>
        initializer && (ts.isArrowFunction(initializer) || ts.isFunctionExpression(initializer))
          ? [{ name: name.getText(), callable: initializer, carrier: statement, method: false }]
          : [],
      );
    }
    if (!ts.isClassDeclaration(statement)) return [];
    return statement.members.flatMap((member) =>
      ts.isMethodDeclaration(member) && !ts.isPrivateIdentifier(member.name) && !isHidden(member)
        ? [
            {
              name: `${statement.name!.text}.${member.name.getText()}`,
              callable: member,
              carrier: member,
              method: true,
            },
          ]
        : [],
    );
  });
}

function returnType(checker: ts.TypeChecker, callable: Callable): string {
  const signature = checker.getSignatureFromDeclaration(callable);
  return signature ? checker.typeToString(checker.getReturnTypeOfSignature(signature)) : 'void';
}

const givesNothing = (checker: ts.TypeChecker, callable: Callable) =>
  /^(void|never|Promise<void>|asserts .*)$/.test(returnType(checker, callable));

/** What is missing in one docstring, as words. */
function missingIn(one: Documented, checker: ts.TypeChecker, thrown: Thrown): string[] {
  const tags = ts.getJSDocTags(one.carrier);
  const documented = ts.getJSDocCommentsAndTags(one.carrier).length > 0;
  if (!documented) return ['a docstring'];
  const missing: string[] = [];
  if (!one.method) {
    const said = new Set(tags.filter(ts.isJSDocParameterTag).map(({ name }) => name.getText()));
    one.callable.parameters.forEach(({ name }, at) => {
      // A parameter that is taken apart has no name: the docstring gives it one, at its place.
      const known = ts.isIdentifier(name) ? said.has(name.text) : said.size > at;
      if (!known) missing.push(`@param ${ts.isIdentifier(name) ? name.text : `of number ${at + 1}`}`);
    });
    if (!tags.some(ts.isJSDocReturnTag) && !givesNothing(checker, one.callable)) missing.push('@returns');
  }
  const spoken = spokenIn(one.carrier);
  // A function that makes an error and gives it back throws nothing itself.
  const makesError = /^OrdinalError\b/.test(returnType(checker, one.callable));
  for (const name of makesError ? [] : thrown.of(one.callable)) {
    if (!spoken.has(name)) missing.push(`@throws \`${name}\``);
  }
  return missing;
}

/**
 * Everything that is missing in the documented folders.
 * @param root the folder of the repository
 * @returns one line each: `file:line name: what is missing`
 */
export function missingDocstrings(root: string): string[] {
  const folders = documentedFolders.map((folder) => path.join(root, 'src', folder));
  const files = folders.flatMap((folder) => ts.sys.readDirectory(folder, ['.ts']));
  const program = ts.createProgram(files, settingsOf(root));
  const checker = program.getTypeChecker();
  const thrown = new Thrown(checker);
  return files.flatMap((name) => {
    const file = program.getSourceFile(name)!;
    return documentedOf(file).flatMap((one) => {
      const { line } = file.getLineAndCharacterOfPosition(one.carrier.getStart());
      const missing = missingIn(one, checker, thrown);
      return missing.length === 0
        ? []
        : [`${path.relative(root, name)}:${line + 1} ${one.name}: ${missing.join(', ')}`];
    });
  });
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const missing = missingDocstrings(fileURLToPath(new URL('../..', import.meta.url)));
  for (const line of missing) console.error(line);
  if (missing.length > 0) process.exitCode = 1;
  else console.log('docstrings: complete');
}
