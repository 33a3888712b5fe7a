/**
 * A plugin of the mutation search, which `mutants.ts` names. It leaves out assertions of our own (`invariant`, `assert…`),
 * which hold in right code whatever they say, and the words and places of an error, which other tests hold; and with
 * `ORDINAL_MUTANTS_SAMPLE` = N all functions, methods and constants of a module but every Nth, chosen by a hash of the
 * name. And it reports what survives.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { MutantResult } from '@stryker-mutator/api/core';
import { declareClassPlugin, declareValuePlugin, type Ignorer, PluginKind } from '@stryker-mutator/api/plugin';

const sample = (): number => Number(process.env.ORDINAL_MUTANTS_SAMPLE ?? 1);

/** Whether what has this name is searched. All mutants of a function are, or none. */
const isSearched = (name: string): boolean =>
  createHash('sha256').update(name).digest().readUInt32BE(0) % sample() === 0;

/** The name of a function or constant of a module, or of a method. What lies inside of them goes with them. */
function nameOf({ node, parentPath }: Parameters<Ignorer['shouldIgnore']>[0]): string | undefined {
  if (node.type === 'FunctionDeclaration' && /^(Program|Export)/.test(parentPath?.type ?? '')) return node.id?.name;
  if (node.type === 'VariableDeclarator' && /^(Program|Export)/.test(parentPath?.parentPath?.type ?? ''))
    return node.id.type === 'Identifier' ? node.id.name : undefined;
  if (node.type !== 'ClassMethod' && node.type !== 'ClassPrivateMethod') return undefined;
  const { key } = node;
  return key.type === 'PrivateName' ? key.id.name : key.type === 'Identifier' ? key.name : undefined;
}

const ignorer: Ignorer = {
  shouldIgnore(path) {
    const { node } = path;
    const name = sample() > 1 ? nameOf(path) : undefined;
    if (name !== undefined && !isSearched(name)) return 'not in the sample';
    // The whole statement, for one mutation removes it.
    const call = node.type === 'ExpressionStatement' ? node.expression : node;
    const called = call.type === 'CallExpression' || call.type === 'NewExpression' ? call.callee : undefined;
    if (called?.type !== 'Identifier') return undefined;
    if (/^(invariant|assert[A-Z]\w*)$/.test(called.name)) return 'an assertion';
    if (called.name === 'OrdinalError') return 'the words of an error';
    return undefined;
  },
};

/** Whether a test has failed by a mutant, or it goes round and round. One that only took long may yet survive. */
export function isKilled({ status, statusReason }: MutantResult): boolean {
  return status === 'Killed' || (status === 'Timeout' && statusReason?.startsWith('Hit limit') === true);
}

/** Says at once which mutants survive, or took too long: a search may be ended before its end. */
class Survivors {
  onMutantTested(mutant: MutantResult): void {
    const { fileName, location, mutatorName, replacement, status } = mutant;
    if (isKilled(mutant) || !/Survived|NoCoverage|Timeout/.test(status)) return;
    const { line } = location.start;
    const code = readFileSync(fileName, 'utf8').split('\n')[line - 1]?.trim();
    const place = `${path.relative('.', fileName)}:${line}`;
    const what = `${mutatorName}${{ NoCoverage: ', not run', Timeout: ', took too long' }[status as string] ?? ''}`;
    console.log(`${place} ${what}: ${code}  →  ${replacement?.split('\n')[0]}`);
  }
}

export const strykerPlugins = [
  declareValuePlugin(PluginKind.Ignore, 'assertions', ignorer),
  declareClassPlugin(PluginKind.Reporter, 'survivors', Survivors),
];
