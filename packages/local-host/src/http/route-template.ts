/**
 * Parses ASP.NET route templates such as `runs/{id:int}` and `{*rest}`, matches paths and orders routes. `server.ts`
 * calls it. It must match paths as ASP.NET does, so that a route works here as it works in Azure.
 */

/** ASP.NET route templates: `runs/{id}`, `{id?}`, `{id:int}`, `{id=default}`, `{*rest}`. */
export interface RouteTemplate {
  text: string;
  segments: Segment[];
}

type Segment =
  | { kind: 'literal'; text: string }
  | {
      kind: 'parameter';
      name: string;
      optional: boolean;
      catchAll: boolean;
      fallback: string | undefined;
      constraints: ((value: string) => boolean)[];
      constrained: boolean;
      before: string;
      after: string;
    };

/** @throws when the template is malformed or names a constraint that is not known. */
export function parseRoute(text: string): RouteTemplate {
  const path = text.replace(/^\/|\/$/g, '');
  return { text: path, segments: path === '' ? [] : splitSegments(path).map(parseSegment) };
}

/** Splits at slashes outside braces: a regular expression constraint may hold one. */
function splitSegments(path: string): string[] {
  const segments = [''];
  let depth = 0;
  for (const char of path) {
    if (char === '{') depth++;
    if (char === '}') depth--;
    if (char === '/' && depth === 0) segments.push('');
    else segments[segments.length - 1] += char;
  }
  return segments;
}

function parseSegment(text: string): Segment {
  const open = text.indexOf('{');
  if (open < 0) return { kind: 'literal', text: text.toLowerCase() };
  const close = text.lastIndexOf('}');
  if (close < open) throw new Error(`Route segment '${text}' has no closing brace.`);
  let body = text.slice(open + 1, close);
  const catchAll = body.startsWith('*');
  body = body.replace(/^\*{1,2}/, '');
  const optional = body.endsWith('?');
  if (optional) body = body.slice(0, -1);
  const equals = body.indexOf('=');
  const fallback = equals < 0 ? undefined : body.slice(equals + 1);
  if (equals >= 0) body = body.slice(0, equals);
  const [name = '', ...constraintTexts] = splitConstraints(body);
  if (!/^[A-Za-z_][\w-]*$/.test(name)) throw new Error(`Route segment '${text}' has no valid parameter name.`);
  return {
    kind: 'parameter',
    name,
    optional,
    catchAll,
    fallback,
    constraints: constraintTexts.map(constraint),
    constrained: constraintTexts.length > 0,
    before: text.slice(0, open),
    after: text.slice(close + 1),
  };
}

function splitConstraints(body: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const char of body) {
    if (char === '(') depth++;
    if (char === ')') depth--;
    if (char === ':' && depth === 0) parts.push('');
    else parts[parts.length - 1] += char;
  }
  return parts;
}

const int32 = { min: -(2n ** 31n), max: 2n ** 31n - 1n };
const int64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };

function isInteger(value: string, range: { min: bigint; max: bigint }): boolean {
  return /^[+-]?\d+$/.test(value) && BigInt(value) >= range.min && BigInt(value) <= range.max;
}

function isDecimal(value: string): boolean {
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(value);
}

function constraint(text: string): (value: string) => boolean {
  const [, name = '', argument = ''] = /^(\w+)(?:\((.*)\))?$/s.exec(text) ?? [];
  const [first = 0, second] = argument.split(',').map(Number);
  switch (name.toLowerCase()) {
    case 'int':
      return (value) => isInteger(value, int32);
    case 'long':
      return (value) => isInteger(value, int64);
    case 'bool':
      return (value) => /^(true|false)$/i.test(value);
    case 'decimal':
    case 'double':
    case 'float':
      return isDecimal;
    case 'datetime':
      return (value) => !Number.isNaN(Date.parse(value));
    case 'guid':
      return (value) => /^\{?[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\}?$/i.test(value);
    case 'alpha':
      return (value) => /^[a-z]*$/i.test(value);
    case 'required':
      return (value) => value !== '';
    case 'length':
      return (value) => value.length >= first && value.length <= (second ?? first);
    case 'minlength':
      return (value) => value.length >= first;
    case 'maxlength':
      return (value) => value.length <= first;
    case 'min':
      return (value) => isInteger(value, int64) && Number(value) >= first;
    case 'max':
      return (value) => isInteger(value, int64) && Number(value) <= first;
    case 'range':
      return (value) => isInteger(value, int64) && Number(value) >= first && Number(value) <= (second ?? first);
    case 'regex': {
      const pattern = new RegExp(argument.replaceAll('{{', '{').replaceAll('}}', '}'), 'i');
      return (value) => pattern.test(value);
    }
    default:
      throw new Error(`The route constraint '${text}' is not known.`);
  }
}

/** @returns the route's parameters, decoded; absent optional ones are left out. Undefined when the path does not fit. */
export function matchRoute(route: RouteTemplate, path: string): Record<string, string> | undefined {
  const trimmed = path.replace(/^\/|\/$/g, '');
  const parts = trimmed === '' ? [] : trimmed.split('/');
  const parameters: Record<string, string> = {};
  for (const [index, segment] of route.segments.entries()) {
    const part = parts[index];
    if (segment.kind === 'literal') {
      if (part === undefined || decode(part).toLowerCase() !== segment.text) return undefined;
      continue;
    }
    if (segment.catchAll) {
      const rest = parts.slice(index).map(decode).join('/');
      if (!segment.constraints.every((fits) => fits(rest))) return undefined;
      if (rest !== '') parameters[segment.name] = rest;
      return parameters;
    }
    const value = part === undefined ? segment.fallback : unwrap(decode(part), segment.before, segment.after);
    if (value === undefined || value === '') {
      if (part !== undefined || !segment.optional) return undefined;
      continue;
    }
    if (!segment.constraints.every((fits) => fits(value))) return undefined;
    parameters[segment.name] = value;
  }
  return parts.length > route.segments.length ? undefined : parameters;
}

function unwrap(part: string, before: string, after: string): string | undefined {
  const fits =
    part.length >= before.length + after.length &&
    part.toLowerCase().startsWith(before.toLowerCase()) &&
    part.toLowerCase().endsWith(after.toLowerCase());
  return fits ? part.slice(before.length, part.length - after.length) : undefined;
}

/** Decodes what is percent-encoded but for `%2F`, and leaves a stray `%` alone, as ASP.NET does. */
export function decode(part: string): string {
  return part.replace(/(?:%(?!2f)[0-9a-f]{2})+/gi, (encoded) => {
    try {
      return decodeURIComponent(encoded);
    } catch {
      return encoded;
    }
  });
}

/** Orders routes as ASP.NET does: the more specific one first, segment by segment. */
export function compareRoutes(a: RouteTemplate, b: RouteTemplate): number {
  for (let index = 0; index < Math.max(a.segments.length, b.segments.length); index++) {
    const difference = rank(a.segments[index]) - rank(b.segments[index]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function rank(segment: Segment | undefined): number {
  if (segment === undefined) return 0;
  if (segment.kind === 'literal') return 1;
  if (segment.catchAll) return segment.constrained ? 5 : 6;
  if (segment.before !== '' || segment.after !== '') return 2;
  return segment.constrained ? 3 : 4;
}
