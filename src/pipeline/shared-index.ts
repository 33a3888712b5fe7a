/**
 * `sharedIndex`: how a key index gets a name of its own, so that entities of several pipelines can share it. Modules in
 * `pipelines/` call it, and `compile` reads what it gives. It must never make a name up.
 */

/** What `sharedIndex` gives. */
export interface SharedIndex {
  readonly kind: 'sharedIndex';
  readonly name: string;
}

/**
 * Declares a key index that entities of several pipelines share: the same key has the same ID in all of them. Declare it
 * once, in a module that all these pipelines import.
 * @param name name of the key index: lower-case letter, then up to 126 of `a-z 0-9 _ . -`
 * @returns the index, for `index` of a keyed entity
 * @example
 * const customers = sharedIndex('customers');
 * pipeline({
 *   ...rest,
 *   entities: ({ id }) => ({
 *     people: { kind: 'keyed', id: id('customer_id'), key: { email: 'email' }, index: customers },
 *   }),
 * });
 */
export function sharedIndex(name: string): SharedIndex {
  return Object.freeze({ kind: 'sharedIndex', name });
}
