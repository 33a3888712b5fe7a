/**
 * What was probably meant by a mistyped command: words in another order, a command without its group, a singular.
 * `main.ts` adds it to commander's own message, which already names the nearest word. It must never run what it suggests.
 */
import { nearestOf } from '../src/nearest.ts';

const SUGGESTED_MAX = 4;

/**
 * The commands that a mistyped line may mean.
 *
 * @param typed what was typed after the program's name, options included.
 * @param names all commands, as they are typed.
 * @returns names of commands, the most likely first; empty when there is none.
 */
export function suggestCommands(typed: readonly string[], names: readonly string[]): string[] {
  const words = typed.filter((word) => !word.startsWith('-')).slice(0, 2);
  const [first, second] = words;
  if (first === undefined) return [];
  const whole = nearestOf(words.join(' '), names) ?? nearestOf([second, first].join(' '), names);
  if (whole !== undefined) return [whole];
  const parts = names.map((name) => name.split(' '));
  const group = nearestOf(first, new Set(parts.map(([group]) => group!)));
  const ofGroup = parts.filter(([one]) => one === group);
  const leaf =
    second === undefined
      ? undefined
      : nearestOf(
          second,
          ofGroup.map((part) => part.at(-1)!),
        );
  const meant = leaf !== undefined ? ofGroup.filter((part) => part.at(-1) === leaf) : ofGroup;
  if (group !== undefined && meant.length > 0) return meant.slice(0, SUGGESTED_MAX).map((part) => part.join(' '));
  const alone = nearestOf(first, new Set(parts.map((part) => part.at(-1)!)));
  return parts
    .filter((part) => part.at(-1) === alone)
    .slice(0, SUGGESTED_MAX)
    .map((part) => part.join(' '));
}
