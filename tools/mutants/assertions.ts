/**
 * What the mutation search leaves as it is: assertions of our own (`invariant`, `assert…`), which hold in right code
 * whatever they say, and the words and places of an error, which other tests hold. `mutants.ts` names it as a plugin.
 */
import { declareValuePlugin, type Ignorer, PluginKind } from '@stryker-mutator/api/plugin';

const ignorer: Ignorer = {
  shouldIgnore({ node }) {
    const called = node.type === 'CallExpression' || node.type === 'NewExpression' ? node.callee : undefined;
    if (called?.type !== 'Identifier') return undefined;
    if (/^(invariant|assert[A-Z]\w*)$/.test(called.name)) return 'an assertion';
    if (called.name === 'OrdinalError') return 'the words of an error';
    return undefined;
  },
};

export const strykerPlugins = [declareValuePlugin(PluginKind.Ignore, 'assertions', ignorer)];
