/**
 * Makes `docs/options.md`: every option of everything that the author of a pipeline calls, with its type, its default
 * and an example, from the docstrings beside the types. `npm run docs:options` writes it, and a test compares. It must
 * never say what the sources do not say.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';

/** One option, or one argument of a call. */
export interface Option {
  name: string;
  type: string;
  optional: boolean;
  text: string;
  byDefault: string | undefined;
  example: string | undefined;
}

/** A call, or the object that is handed to one. */
export interface Section {
  title: string;
  text: string;
  example: string | undefined;
  options: Option[];
}

/** What is read, in the order of the page: interfaces by name, variables of zod schemas, functions. */
const sources: readonly { file: string; name: string; title?: string }[] = [
  { file: 'pipeline.ts', name: 'pipeline' },
  { file: 'definition.ts', name: 'PipelineSettings', title: 'Settings of `pipeline`' },
  { file: 'definition.ts', name: 'PipelineDefinition', title: 'Rows and entities of `pipeline`' },
  { file: 'arrival.ts', name: 'arrivalModeSchema', title: 'Settings of `arrival`' },
  { file: 'entity.ts', name: 'RowsLiteral', title: "`{ kind: 'rows', ... }`" },
  { file: 'entity.ts', name: 'KeyedLiteral', title: "`{ kind: 'keyed', ... }`" },
  { file: 'entity.ts', name: 'SharedLiteral', title: "`{ kind: 'shared', ... }`" },
  { file: 'builder.ts', name: 'Builder' },
  { file: 'words.ts', name: 'IdSettings', title: 'Settings of `id`' },
  { file: 'words.ts', name: 'SequenceSettings', title: 'Settings of `id` and `nextId`' },
  { file: 'words.ts', name: 'RefSettings', title: 'Settings of `ref`' },
  { file: 'shared-index.ts', name: 'sharedIndex' },
  { file: 'shared-entity.ts', name: 'shared' },
  { file: 'shared-entity.ts', name: 'SharedSettings', title: 'Settings of `shared`' },
  { file: 'output-type.ts', name: 'type', title: '`type`' },
  { file: 'output-type.ts', name: 'decimal', title: '`type.decimal(precision, scale)`' },
  { file: 'output-type.ts', name: 'timestampIn', title: '`type.timestampIn(unit, { utc })`' },
  { file: 'registry.ts', name: 'registerPipelines' },
];

const flat = (text: string) => text.replace(/\s+/g, ' ').trim();

function commentOf(node: ts.Node): string {
  const doc = ts.getJSDocCommentsAndTags(node).find(ts.isJSDoc);
  return flat(ts.getTextOfJSDocComment(doc?.comment) ?? '');
}

function tagOf(node: ts.Node, name: string): string | undefined {
  const tag = ts.getJSDocTags(node).find(({ tagName, parent }) => tagName.text === name && parent.parent === node);
  return tag && (ts.getTextOfJSDocComment(tag.comment) ?? '');
}

function optionOf(node: ts.PropertySignature | ts.PropertyAssignment, within: string): Option {
  const type = ts.isPropertySignature(node) ? node.type : undefined;
  return {
    name: within + node.name.getText(),
    type: type && !ts.isTypeLiteralNode(type) ? flat(type.getText()) : '',
    optional: ts.isPropertySignature(node) ? node.questionToken !== undefined : /\.default\(/.test(node.getText()),
    text: commentOf(node),
    byDefault: tagOf(node, 'default'),
    example: tagOf(node, 'example'),
  };
}

/** Options of an object, and of the objects in it: `source.container`. */
function optionsIn(node: ts.Node, within = ''): Option[] {
  if (ts.isPropertySignature(node) || ts.isPropertyAssignment(node)) {
    const option = optionOf(node, within);
    const inner = ts.isPropertySignature(node) && node.type && ts.isTypeLiteralNode(node.type) ? node.type : undefined;
    return [option, ...(inner ? optionsIn(inner, `${option.name}.`) : [])];
  }
  const found: Option[] = [];
  ts.forEachChild(node, (child) => void found.push(...optionsIn(child, within)));
  return found;
}

/** Arguments by their `@param`, or the members of the one object that the call takes. */
function argumentsOf(node: ts.MethodSignature | ts.FunctionDeclaration): Option[] {
  const [only] = node.parameters;
  if (node.parameters.length === 1 && only?.type && ts.isTypeLiteralNode(only.type)) return optionsIn(only.type);
  return node.parameters.map((parameter) => {
    const tag = ts.getJSDocParameterTags(parameter)[0];
    return {
      // A parameter that is taken apart has its name in the docstring only.
      name: tag?.name.getText() ?? parameter.name.getText(),
      type: flat(parameter.type?.getText() ?? ''),
      optional: parameter.questionToken !== undefined || parameter.initializer !== undefined,
      text: flat(ts.getTextOfJSDocComment(tag?.comment) ?? ''),
      byDefault: undefined,
      example: tagOf(node, 'example'),
    };
  });
}

const callOf = (node: ts.MethodSignature | ts.FunctionDeclaration) => {
  const [only] = node.parameters;
  const takesOptions = node.parameters.length === 1 && only?.type && ts.isTypeLiteralNode(only.type);
  const names = takesOptions ? '{ ... }' : node.parameters.map(({ name }) => name.getText()).join(', ');
  return `\`${node.name?.getText()}(${names})\``;
};

function sectionsOf(node: ts.Node, title: string | undefined): Section[] {
  const head = { text: commentOf(node), example: tagOf(node, 'example') };
  if (ts.isFunctionDeclaration(node) || ts.isMethodSignature(node)) {
    return [{ ...head, title: title ?? callOf(node), options: argumentsOf(node) }];
  }
  if (ts.isInterfaceDeclaration(node) && node.members.every(ts.isMethodSignature)) {
    return node.members.flatMap((member) => sectionsOf(member, undefined));
  }
  return [{ ...head, title: title ?? '', options: optionsIn(node).filter(uniquely()) }];
}

/** Lets the first of each name and text through: modes of `arrival` each have an `on`. */
function uniquely(): (option: Option) => boolean {
  const seen = new Set<string>();
  return ({ name, text }) => !seen.has(name + text) && seen.add(name + text) !== undefined;
}

/**
 * Everything on the page.
 * @param root the folder of the repository
 * @returns the sections, in their order
 */
export function sectionsIn(root: string): Section[] {
  return sources.flatMap(({ file, name, title }) => {
    const at = path.join(root, 'src/pipeline', file);
    const source = ts.createSourceFile(at, ts.sys.readFile(at) ?? '', ts.ScriptTarget.Latest, true);
    const node = source.statements.find((statement) =>
      ts.isVariableStatement(statement)
        ? statement.declarationList.declarations[0]?.name.getText() === name
        : (ts.isInterfaceDeclaration(statement) || ts.isFunctionDeclaration(statement)) &&
          statement.name?.text === name,
    );
    if (!node) throw new Error(`${file} has no ${name}`);
    return sectionsOf(node, title);
  });
}

const typeLengthMax = 70;

const fence = (code: string | undefined) => (code === undefined ? [] : ['```ts', code, '```', '']);

/** One option as a paragraph. What has no example of its own is shown in that of its call. */
function optionLines(option: Option, call: Section): string[] {
  // A type parameter says nothing here, and a long type is told better by the example.
  const isTold = option.type !== '' && option.type.length <= typeLengthMax && !/^[A-Z]$/.test(option.type);
  const type = isTold ? `\`${option.type.replaceAll('`', '')}\`` : '';
  const need = option.byDefault ? `default ${option.byDefault}` : option.optional ? 'optional' : '';
  const facts = [type, need].filter(Boolean).join(', ');
  const example = option.example === call.example ? [] : fence(option.example);
  return [
    `**\`${option.name}\`**${facts ? ` (${facts})` : ''}${option.text ? `: ${option.text}` : ''}`,
    '',
    ...example,
  ];
}

/**
 * The page.
 * @param root the folder of the repository
 * @returns `docs/options.md`
 */
export function optionsPage(root: string): string {
  const lines = [
    '# Options of a pipeline',
    '',
    'Everything that the author of a pipeline calls, with each option, its default and an example. This page is made from',
    'the types by `npm run docs:options`. The guide is [pipelines.md](pipelines.md). In the examples, `row` is the row',
    'contract and `rest` stands for the other settings of a pipeline of tickets.',
    '',
    ...sectionsIn(root).flatMap((section) => [
      `## ${section.title}`,
      '',
      ...(section.text ? [section.text, ''] : []),
      ...fence(section.example),
      ...section.options.flatMap((option) => optionLines(option, section)),
    ]),
  ];
  return lines.join('\n');
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  writeFileSync(path.join(root, 'docs/options.md'), optionsPage(root));
}
