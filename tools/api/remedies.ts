/**
 * Finds the remedies of errors in the sources, for the test that holds them to their form. It runs nothing of what it
 * reads: a remedy that is put together elsewhere is not seen.
 */
import path from 'node:path';
import ts from 'typescript';

/** A remedy as a text, with `…` for what is put in at run time. */
export interface Remedy {
  /** `file:line`. */
  place: string;
  text: string;
}

/** Functions that take a remedy, by its position. */
const takers: Readonly<Record<string, number>> = { refuse: 2, conflict: 1, wrongField: 2, inUse: 2 };

/** The texts that an expression may be. */
function textsOf(expression: ts.Expression): [ts.Node, string][] {
  if (ts.isConditionalExpression(expression)) {
    return [...textsOf(expression.whenTrue), ...textsOf(expression.whenFalse)];
  }
  if (ts.isBinaryExpression(expression)) return textsOf(expression.right);
  if (ts.isStringLiteralLike(expression)) return [[expression, expression.text]];
  if (!ts.isTemplateExpression(expression)) return [];
  const { head, templateSpans } = expression;
  return [[expression, head.text + templateSpans.map(({ literal }) => `…${literal.text}`).join('')]];
}

/**
 * All remedies under `src/`: values of a `remedy`, remedies that are handed to one of `takers`.
 * @param root the folder of the repository
 * @returns the remedies, by file and line
 */
export function remediesOf(root: string): Remedy[] {
  return ts.sys.readDirectory(path.join(root, 'src'), ['.ts']).flatMap((name) => {
    const file = ts.createSourceFile(name, ts.sys.readFile(name) ?? '', ts.ScriptTarget.Latest, true);
    const found: Remedy[] = [];
    const note = (expression: ts.Expression | undefined) => {
      for (const [node, text] of expression ? textsOf(expression) : []) {
        const { line } = file.getLineAndCharacterOfPosition(node.getStart());
        found.push({ place: `${path.relative(root, name)}:${line + 1}`, text });
      }
    };
    const visit = (node: ts.Node): void => {
      const named = ts.isPropertyAssignment(node) || ts.isVariableDeclaration(node);
      if (named && node.name.getText() === 'remedy') note(node.initializer);
      if (ts.isCallExpression(node)) note(node.arguments[takers[node.expression.getText()] ?? -1]);
      ts.forEachChild(node, visit);
    };
    visit(file);
    return found;
  });
}
