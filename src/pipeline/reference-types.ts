/**
 * References between entities of one pipeline, judged by the type checker: `Mistakes<Row, E>` is `unknown` for an
 * entity that is right, and a `Mistake` that says what is wrong for one that is not. `compile` makes the same checks at
 * start-up. `pipeline.ts` uses it. It exists for the type checker alone.
 */
import type { core } from 'zod';
import type { KeyedEntity, RefColumn, RowRefColumn } from './definition.ts';

/** Read `What` in the compiler's message: `Known` lists what would have been right. */
export interface Mistake<What extends string, Known = never> {
  readonly mistake: What;
  readonly known: Known;
}

type KindOf<T> = 0 extends 1 & T
  ? 'value of any type'
  : [T] extends [string]
    ? 'string'
    : [T] extends [number]
      ? 'number'
      : [T] extends [bigint]
        ? 'bigint'
        : [T] extends [boolean]
          ? 'boolean'
          : [T] extends [Date]
            ? 'date'
            : [T] extends [Uint8Array]
              ? 'bytes'
              : 'value of any type';

/** A template, so that messages show the names and not this alias. */
type NamesOf<E, Kind> = `${{ [N in keyof E & string]: E[N] extends { kind: Kind } ? N : never }[keyof E & string]}`;

/** Key component → kind of its values. */
type KeyKinds<Row, K> = {
  [P in keyof K]: K[P] extends keyof Row
    ? KindOf<NonNullable<Row[K[P]]>>
    : K[P] extends core.$ZodType
      ? KindOf<NonNullable<core.output<K[P]>>>
      : never;
};

/** Names that were never given, or were lost to another error: that error is enough. */
type IsWidened<K> = string extends keyof K ? true : false;

type ComponentMistake<Row, Column extends string, Entity extends string, Kinds, M> = {
  [P in keyof Kinds & keyof M & string]: M[P] extends keyof Row & string
    ? KindOf<NonNullable<Row[M[P]]>> extends Kinds[P]
      ? never
      : Mistake<`${Column}: key '${P}' of '${Entity}' is a ${Kinds[P] & string}, source column '${M[P]}' is a ${KindOf<NonNullable<Row[M[P]]>>}`>
    : never;
}[keyof Kinds & keyof M & string];

type KeyMistake<Row, Column extends string, Entity extends string, Kinds, M> = true extends
  | IsWidened<Kinds>
  | IsWidened<M>
  ? never
  : [Exclude<keyof Kinds, keyof M>] extends [never]
    ? [Exclude<keyof M, keyof Kinds>] extends [never]
      ? ComponentMistake<Row, Column, Entity, Kinds, M>
      : Mistake<`${Column}: '${Entity}' has no key '${Exclude<keyof M, keyof Kinds> & string}'`, keyof Kinds>
    : Mistake<`${Column}: key '${Exclude<keyof Kinds, keyof M> & string}' of '${Entity}' is missing`, keyof Kinds>;

type RefMistake<Row, E, Column extends string, Entity extends string, M> =
  NamesOf<E, 'keyed'> extends infer Known
    ? Entity extends Known & keyof E
      ? E[Entity] extends KeyedEntity<infer K, unknown>
        ? KeyMistake<Row, Column, Entity, KeyKinds<Row, K>, M>
        : never
      : Mistake<`${Column}: there is no keyed entity '${Entity}'`, Known>
    : never;

type RowRefMistake<E, Column extends string, Entity extends string> =
  NamesOf<E, 'rows'> extends infer Known
    ? Entity extends Known
      ? never
      : Mistake<`${Column}: there is no rows entity '${Entity}'`, Known>
    : never;

/** A key of zod types: no source row belongs to the entity, so none can be read. */
type UnfedMistake<K, C> = [IsWidened<C>, K[keyof K]] extends [false, core.$ZodType]
  ? {
      [P in keyof C & string]: C[P] extends { kind: 'constant' | 'nextId' }
        ? never
        : Mistake<`${P}: only references bring keys, so there is no source row to read`>;
    }[keyof C & string]
  : never;

type ColumnMistakes<Row, E, C> = {
  [P in keyof C & string]: C[P] extends RefColumn<infer Entity, infer M>
    ? RefMistake<Row, E, P, Entity, M>
    : C[P] extends RowRefColumn<infer Entity>
      ? RowRefMistake<E, P, Entity>
      : never;
}[keyof C & string];

type EntityMistakes<Row, E, Entity> =
  | (Entity extends { columns: infer C } ? ColumnMistakes<Row, E, NonNullable<C>> : never)
  | (Entity extends KeyedEntity<infer K, infer C> ? UnfedMistake<K, NonNullable<C>> : never);

/** For each entity: `unknown` when its references are right, a `Mistake` when one is not. */
export type Mistakes<Row, E> = {
  [N in keyof E]: [EntityMistakes<Row, E, E[N]>] extends [never] ? unknown : EntityMistakes<Row, E, E[N]>;
};
