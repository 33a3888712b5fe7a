/**
 * What can run inside an orchestration: the declarations that are reached from the orchestrators that `functions/`
 * registers, through calls and imports, over all files. Read by `determinism.test.ts` from source text; nothing is
 * executed. It relies on the formatter: a declaration begins in the first column.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

export interface Declaration {
  /** Path from the root. */
  file: string;
  name: string;
  /** Without comments. */
  code: string;
  /** Names that it uses of packages and of Node's modules, as `<package>.<name>`. */
  uses: string[];
}

interface Module {
  declarations: Map<string, string>;
  /** By local name: where it comes from, and its name there. */
  imports: Map<string, { from: string; name: string }>;
}

/** Comments may speak of what code may not do. */
export const codeOf = (text: string) => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');

/** Activities are declared with their work beside them; an orchestrator only names them. */
const ACTIVITY = /^export const \w+(: [^=]+)? = defineActivity\(/;
const HEAD = /^(?:export )?(?:default )?(?:async )?(function\*?|const|let|class|interface|type|enum) (\w+)/;

function readModule(file: string, read: (file: string) => string): Module {
  const module: Module = { declarations: new Map(), imports: new Map() };
  const code = codeOf(read(file));
  for (const [, clause, specifier] of code.matchAll(/^(?:import|export) ([^;'"]*?)\s*from '([^']+)';/gm)) {
    if (clause!.startsWith('type ')) continue;
    const from = specifier!.startsWith('.') ? path.join(path.dirname(file), specifier!) : specifier!;
    for (const [, name, local] of clause!.matchAll(/(?<!type )\b(?!type\b)(\w+)(?: as (\w+))?/g)) {
      module.imports.set(local ?? name!, { from, name: name! });
    }
  }
  for (const piece of code.split(/^(?=\S)/m)) {
    const [, kind, name] = HEAD.exec(piece) ?? [];
    // Without the lines that close what came before, such as `}` and `] as const;`.
    if (name === undefined) append(module, piece);
    else if (kind !== 'interface' && kind !== 'type') module.declarations.set(name, piece);
  }
  return module;
}

/** A line in the first column that begins no declaration belongs to the one before it. */
function append({ declarations }: Module, piece: string): void {
  const last = [...declarations.keys()].at(-1);
  if (last !== undefined && /^[)}\]]/.test(piece)) declarations.set(last, declarations.get(last)! + piece);
}

/** The text of a file, by its path from the root. */
export const readSource = (file: string) => readFileSync(path.join(root, file), 'utf8');

/** Everything that the orchestrators of `src/registration/` reach. */
export function reached(read = readSource): Declaration[] {
  const modules = new Map<string, Module>();
  const moduleOf = (file: string): Module => {
    const module = modules.get(file) ?? readModule(file, read);
    modules.set(file, module);
    return module;
  };
  const found = new Map<string, Declaration>();
  const queue: { file: string; name: string }[] = [];
  for (const file of readdirSync(path.join(root, 'src/registration')).filter((name) => name.endsWith('.ts'))) {
    const { imports } = moduleOf(`src/registration/${file}`);
    for (const { from, name } of imports.values()) {
      if (/Orchestrator$/.test(name)) queue.push({ file: from, name });
    }
  }
  for (let next = queue.pop(); next; next = queue.pop()) {
    const { file, name } = next;
    const { declarations, imports } = moduleOf(file);
    const code = declarations.get(name);
    if (found.has(`${file} ${name}`)) continue;
    if (code === undefined) {
      // Handed on from another file.
      const from = imports.get(name);
      if (from?.from.endsWith('.ts')) queue.push({ file: from.from, name: from.name });
      continue;
    }
    if (ACTIVITY.test(code)) continue;
    const declaration: Declaration = { file, name, code, uses: [] };
    found.set(`${file} ${name}`, declaration);
    for (const word of new Set(code.match(/(?<![.\w'])\w+/g))) {
      if (declarations.has(word) && word !== name) queue.push({ file, name: word });
      const imported = imports.get(word);
      if (imported?.from.endsWith('.ts')) queue.push({ file: imported.from, name: imported.name });
      else if (imported) declaration.uses.push(`${imported.from}.${imported.name}`);
    }
  }
  return [...found.values()];
}
