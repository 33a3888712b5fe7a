/**
 * The further word of the builder where rows have record types. `pipeline` adds it. It exists for the type checker alone:
 * at run time `builder.ts` has it always.
 */
import type { Builder } from './builder.ts';
import type { Entities, RowSchema } from './definition.ts';
import type { RecordTypeOf, RowOfType } from './row-types.ts';

/** The further word where the row contract is a union of record types. */
export interface RecordTypeBuilder<S extends RowSchema, Folders> {
  /**
   * An entity of the rows of one record type, or of several: the function gets words that know the columns of these
   * types alone. The entity takes no other rows.
   * @param types value of the column that tells record types apart, or a list of values
   * @param make gives the entity
   * @returns the entity, to be given a name in `entities`
   * @example
   * const sales = when('sale', ({ rows, id }) => rows({ id: id('sale_id'), columns: { price: 'price' } }));
   */
  when<const T extends RecordTypeOf<S>, const E extends Entities[string]>(
    types: T | readonly T[],
    make: (builder: Builder<RowOfType<S, T> & Folders>) => E,
  ): E;
}
