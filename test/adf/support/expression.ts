/**
 * The part of Data Factory's expression language that the pipelines use: `@function(...)` as a whole value,
 * `@{...}` within a text. After "Expressions and functions in Azure Data Factory".
 */
export interface Scope {
  parameters: Record<string, unknown>;
  variables: Record<string, unknown>;
  outputs: Record<string, unknown>;
  runId: string;
}

/** Evaluates every expression within a value: texts, members, and `{ value, type: 'Expression' }`. */
export function evaluateAll(value: unknown, scope: Scope): unknown {
  if (typeof value === 'string') return evaluateText(value, scope);
  if (Array.isArray(value)) return value.map((each) => evaluateAll(each, scope));
  if (typeof value !== 'object' || value === null) return value;
  if ('type' in value && value.type === 'Expression' && 'value' in value) return evaluateAll(value.value, scope);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, evaluateAll(each, scope)]));
}

function evaluateText(text: string, scope: Scope): unknown {
  if (text.startsWith('@') && !text.startsWith('@{')) return new Parser(text.slice(1), scope).whole();
  let result = '';
  for (let at = 0; at < text.length; ) {
    if (!text.startsWith('@{', at)) {
      result += text[at++];
      continue;
    }
    const parser = new Parser(text.slice(at + 2), scope);
    result += String(parser.expression());
    parser.take('}');
    at += 2 + parser.at;
  }
  return result;
}

class Parser {
  at = 0;
  readonly #text: string;
  readonly #scope: Scope;

  constructor(text: string, scope: Scope) {
    this.#text = text;
    this.#scope = scope;
  }

  whole(): unknown {
    const value = this.expression();
    if (this.at !== this.#text.length) throw new Error(`expression: unexpected "${this.#text.slice(this.at)}"`);
    return value;
  }

  take(token: string): void {
    if (!this.#text.startsWith(token, this.at)) throw new Error(`expression: "${token}" expected in "${this.#text}"`);
    this.at += token.length;
  }

  expression(): unknown {
    this.#space();
    let value = this.#primary();
    while (this.#text[this.at] === '.') {
      const name = /^\.(\w+)/.exec(this.#text.slice(this.at))![1]!;
      this.at += name.length + 1;
      if (typeof value !== 'object' || value === null || !(name in value)) {
        throw new Error(`expression: property "${name}" doesn't exist`);
      }
      value = (value as Record<string, unknown>)[name];
    }
    this.#space();
    return value;
  }

  #primary(): unknown {
    const rest = this.#text.slice(this.at);
    const text = /^'((?:[^']|'')*)'/.exec(rest);
    if (text) {
      this.at += text[0].length;
      return text[1]!.replaceAll("''", "'");
    }
    const number = /^-?\d+/.exec(rest);
    if (number) {
      this.at += number[0].length;
      return Number(number[0]);
    }
    const name = /^\w+/.exec(rest)?.[0];
    if (!name) throw new Error(`expression: cannot read "${rest}"`);
    this.at += name.length;
    this.take('(');
    const values: unknown[] = [];
    this.#space();
    while (this.#text[this.at] !== ')') {
      values.push(this.expression());
      if (this.#text[this.at] === ',') this.at++;
    }
    this.take(')');
    return this.#call(name, values);
  }

  #call(name: string, values: unknown[]): unknown {
    const [a, b, c] = values;
    const scope = this.#scope;
    switch (name) {
      case 'pipeline':
        return { parameters: scope.parameters, RunId: scope.runId };
      case 'variables':
        return scope.variables[String(a)];
      case 'activity':
        if (!(String(a) in scope.outputs)) throw new Error(`expression: activity "${a}" has not run`);
        return { output: scope.outputs[String(a)] };
      case 'concat':
        return values.map(String).join('');
      case 'if':
        return a === true ? b : c;
      case 'empty':
        return a === '' || a === null || a === undefined;
      case 'equals':
        return a === b;
      case 'or':
        return a === true || b === true;
      case 'not':
        return a !== true;
      case 'uriComponent':
        return encodeURIComponent(String(a));
      case 'formatDateTime':
        // Arguments are evaluated whether `if` takes them or not.
        if (Number.isNaN(Date.parse(String(a)))) throw new Error(`expression: "${a}" is no date time`);
        return formatted(new Date(String(a)), String(b));
      default:
        throw new Error(`expression: function "${name}" is not known`);
    }
  }

  #space(): void {
    while (this.#text[this.at] === ' ') this.at++;
  }
}

function formatted(date: Date, format: string): string {
  const two = (n: number) => String(n).padStart(2, '0');
  const parts: Record<string, string> = {
    yyyy: String(date.getUTCFullYear()),
    MM: two(date.getUTCMonth() + 1),
    dd: two(date.getUTCDate()),
    HH: two(date.getUTCHours()),
    mm: two(date.getUTCMinutes()),
    ss: two(date.getUTCSeconds()),
  };
  return format.replace(/yyyy|MM|dd|HH|mm|ss/g, (part) => parts[part]!);
}
