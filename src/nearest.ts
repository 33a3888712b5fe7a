/**
 * Which known name a misspelt one probably means. All who refuse a name call it: pipelines at start-up, requests, source
 * files that lack a column. It must never choose a name in place of the user: it only suggests.
 */

/**
 * Edits (insert, delete, replace, swap of neighbours) from `a` to `b`, case ignored: the restricted Damerau-Levenshtein
 * distance.
 * @param a one text
 * @param b another text
 * @returns the number of edits
 */
export function editDistance(a: string, b: string): number {
  const from = a.toLowerCase();
  const to = b.toLowerCase();
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, j) => j);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1];
      let edits = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      if (swapped) edits = Math.min(edits, beforePrevious[j - 2]! + 1);
      row.push(edits);
    }
    beforePrevious = previous;
    previous = row;
  }
  return previous[to.length]!;
}

const namesShownMax = 12;
const nameLengthMax = 255;

/**
 * The known name that is probably meant: within a third of the name's length, one edit at least.
 * @param name the name that is not known
 * @param known the names that are
 * @returns the nearest of them; undefined when none is near
 */
export function nearestOf(name: string, known: Iterable<string>): string | undefined {
  let nearest: string | undefined;
  let nearestEdits = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of name.length <= nameLengthMax ? known : []) {
    // Names whose lengths differ by more are further away than that: a name may be long, and there may be many.
    if (Math.abs(candidate.length - name.length) >= nearestEdits) continue;
    const edits = editDistance(name, candidate);
    if (edits < nearestEdits) [nearest, nearestEdits] = [candidate, edits];
  }
  return nearest;
}

/**
 * A remedy that names the nearest of the known names, or all of them when none is near.
 * @param name the name that is not known
 * @param known the names that are
 * @returns a sentence, for a remedy
 */
export function didYouMean(name: string, known: Iterable<string>): string {
  const names = [...known];
  const nearest = nearestOf(name, names);
  if (nearest !== undefined) return `Use '${nearest}', if that is what you mean.`;
  if (names.length === 0) return 'Declare it first: there is none.';
  const shown = names.slice(0, namesShownMax).map((n) => `'${n}'`);
  return `Use one of ${shown.join(', ')}${names.length > namesShownMax ? ` and ${names.length - namesShownMax} more` : ''}.`;
}
