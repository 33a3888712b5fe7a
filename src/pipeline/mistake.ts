/**
 * How the type checker is made to say what is wrong, in words. `checked-types.ts` and `checked-row.ts` decide what is; here
 * it gets its form, and the name that was probably meant. It exists for the type checker alone.
 */

/**
 * What a thing with a mistake is checked against: it lacks a member of this name, and the compiler's message begins with
 * the name of what is missing.
 */
export type Mistake<What extends string> = { readonly [W in What]: never };

/** One member of a union: one mistake at a time is reported, for the compiler puts the types first when there are two. */
type OneOf<U> = (U extends unknown ? (give: () => U) => void : never) extends (give: infer G) => void
  ? G extends () => infer One
    ? One
    : never
  : never;

/** The thing itself, or one of its mistakes in its place. A text is checked against the words themselves. */
export type Verdict<Thing, Mistakes> = [Mistakes] extends [never]
  ? Thing
  : Thing extends string
    ? OneOf<Mistakes>
    : Mistake<OneOf<Mistakes> & string>;

/** Whether one edit leads from `A` to `B`: a letter put in, taken out or replaced, or two neighbours swapped. */
type IsNear<A extends string, B extends string> = A extends `${infer A1}${infer ARest}`
  ? B extends `${infer B1}${infer BRest}`
    ? A1 extends B1
      ? IsNear<ARest, BRest>
      : ARest extends BRest | B
        ? true
        : A extends BRest
          ? true
          : [ARest, BRest] extends [`${B1}${infer R}`, `${A1}${infer Q}`]
            ? R extends Q
              ? true
              : false
            : false
    : ARest extends ''
      ? true
      : false
  : B extends `${string}${infer BRest}`
    ? BRest extends ''
      ? true
      : false
    : true;

type NearOf<Name extends string, Known> = Known extends string
  ? IsNear<Name, Known> extends true
    ? Known
    : never
  : never;

/** The end of a message: the name that is one edit away, if there is one. */
export type DidYouMean<Name, Known> = [NearOf<Name & string, Known>] extends [never]
  ? ''
  : `; did you mean '${OneOf<NearOf<Name & string, Known>> & string}'?`;
