/**
 * What functions see of a source row, as types: columns by name, leaves of groups by path, columns of folders. The builder
 * and `pipeline` use them. They exist for the type checker alone.
 */
import type { core } from 'zod';
import type { RowSchema } from './definition.ts';

/** Parquet has nulls and nothing else that is absent: what zod calls undefined arrives as null. */
type NullForUndefined<T> = undefined extends T ? Exclude<T, undefined> | null : T;

type Output<F> = F extends core.$ZodType ? NullForUndefined<core.output<F>> : never;

/** The members of a nested object, whether or not it may be null. */
type GroupOf<F> = F extends { _zod: { def: { type: 'object'; shape: infer Shape } } }
  ? Shape
  : F extends { _zod: { def: { type: 'nullable' | 'optional'; innerType: infer Inner } } }
    ? GroupOf<Inner>
    : never;

/**
 * Names of columns; of a leaf in groups, its path with dots. Before the compiler knows the contract its shape is one of any
 * names: those have no end, and TypeScript 6 would look for it.
 */
type PathsIn<Shape> = string extends keyof Shape
  ? string
  : {
      [K in keyof Shape & string]: [GroupOf<Shape[K]>] extends [never] ? K : `${K}.${PathsIn<GroupOf<Shape[K]>>}`;
    }[keyof Shape & string];

type ValueAt<Shape, Path extends string> = Path extends keyof Shape
  ? Output<Shape[Path]>
  : Path extends `${infer Group}.${infer Rest}`
    ? Group extends keyof Shape
      ? ValueAt<GroupOf<Shape[Group]>, Rest> | (null extends Output<Shape[Group]> ? null : never)
      : never
    : never;

/** The objects of a row contract: itself, or the options of the union. */
export type ObjectsOf<S> = S extends { _zod: { def: { options: readonly (infer Option)[] } } } ? Option : S;

/** The shape of an object of a row contract. */
export type ShapeOf<O> = O extends { _zod: { def: { shape: infer Shape } } } ? Shape : never;

type ColumnsOf<O> = O extends unknown ? PathsIn<ShapeOf<O>> : never;

/** Null where an object of the union does not have the column. */
type ValueOf<O, P extends string> = O extends unknown
  ? P extends PathsIn<ShapeOf<O>>
    ? ValueAt<ShapeOf<O>, P>
    : null
  : never;

type RowOfObjects<O> = { [P in ColumnsOf<O>]: ValueOf<O, P> };

/** What functions see of a source row: what the schemas give out. */
export type RowOf<S extends RowSchema> = RowOfObjects<ObjectsOf<S>>;

type DiscriminatorOf<S> = S extends { _zod: { def: { discriminator: infer D extends string } } } ? D : never;

type TypeOfObject<O, D extends string> = O extends core.$ZodType
  ? core.output<O> extends { [P in D]: infer T }
    ? T
    : never
  : never;

/** The values that tell record types apart; never where the contract is one object. */
export type RecordTypeOf<S> = [DiscriminatorOf<S>] extends [never]
  ? never
  : TypeOfObject<ObjectsOf<S>, DiscriminatorOf<S>>;

type ObjectsOfType<O, D extends string, T> = O extends unknown
  ? [Extract<T, TypeOfObject<O, D>>] extends [never]
    ? never
    : O
  : never;

/** What functions see of a row of some record types. */
export type RowOfType<S extends RowSchema, T> = RowOfObjects<ObjectsOfType<ObjectsOf<S>, DiscriminatorOf<S>, T>>;

/** The columns of folders. */
export type FoldersOf<P> = { [K in keyof P & string]: Output<P[K]> };
