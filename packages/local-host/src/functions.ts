/**
 * The table of the app's functions, by name and kind, with the app settings put into their bindings. The host makes it
 * once the app is loaded. A function whose settings are missing is left out; the others must still run.
 */
import { connectionOf, MissingSetting } from './connection.ts';
import type { FunctionNames } from './engine/model.ts';
import type { Binding, FunctionMetadata } from './worker/protocol.ts';

export type FunctionKind = 'http' | 'orchestrator' | 'activity' | 'entity' | 'timer' | 'blob' | 'other';

const kinds: Record<string, FunctionKind> = {
  httptrigger: 'http',
  orchestrationtrigger: 'orchestrator',
  activitytrigger: 'activity',
  entitytrigger: 'entity',
  timertrigger: 'timer',
  blobtrigger: 'blob',
};

export interface AppFunction {
  name: string;
  kind: FunctionKind;
  trigger: Binding;
  /** Bindings of durable clients, by name. */
  clients: string[];
  metadata: FunctionMetadata;
}

/** The app's functions by name and kind. Names compare without case, as the extension compares them. */
export class FunctionTable implements FunctionNames {
  readonly all: AppFunction[];
  /** One sentence for each function that cannot run because an app setting is missing. */
  readonly broken: string[] = [];
  private readonly byKind = new Map<FunctionKind, Map<string, AppFunction>>();

  /** @throws when a function has no trigger, or two functions differ only by case. */
  constructor(functions: readonly FunctionMetadata[], env: Record<string, string | undefined>) {
    const seen = new Map<string, string>();
    this.all = [];
    for (const metadata of functions) {
      const twin = seen.get(metadata.name.toLowerCase());
      if (twin !== undefined) throw new Error(`Two functions have one name: '${twin}' and '${metadata.name}'.`);
      seen.set(metadata.name.toLowerCase(), metadata.name);
      if (isDisabled(metadata.name, env)) continue;
      const each = this.complete(metadata, env);
      if (each === undefined) continue;
      this.all.push(each);
      const table = this.byKind.get(each.kind) ?? new Map<string, AppFunction>();
      this.byKind.set(each.kind, table);
      table.set(each.name.toLowerCase(), each);
    }
  }

  /** The function with its settings. Undefined when one is missing; only this function is left out then. */
  private complete(metadata: FunctionMetadata, env: Record<string, string | undefined>): AppFunction | undefined {
    try {
      const each = describe(substituted(metadata, env));
      for (const { type, connection } of Object.values(each.metadata.bindings)) {
        if (/^blob(Trigger)?$/i.test(type)) connectionOf(env, String(connection ?? ''));
      }
      return each;
    } catch (error) {
      if (!(error instanceof MissingSetting)) throw error;
      this.broken.push(`The '${metadata.name}' function is in error and does not run: ${error.message}`);
      return undefined;
    }
  }

  find(kind: FunctionKind, name: string): AppFunction | undefined {
    return this.byKind.get(kind)?.get(name.toLowerCase());
  }

  ofKind(kind: FunctionKind): AppFunction[] {
    return [...(this.byKind.get(kind)?.values() ?? [])];
  }

  orchestrator(name: string): string | undefined {
    return this.find('orchestrator', name)?.name;
  }

  activity(name: string): string | undefined {
    return this.find('activity', name)?.name;
  }

  entity(name: string): string | undefined {
    return this.find('entity', name)?.name;
  }

  known(kind: 'orchestrator' | 'activity' | 'entity'): string[] {
    return this.ofKind(kind).map((each) => each.name);
  }
}

function describe(metadata: FunctionMetadata): AppFunction {
  const bindings = Object.entries(metadata.bindings);
  const trigger = bindings.find(([, binding]) => /trigger$/i.test(binding.type));
  if (trigger === undefined) throw new Error(`Function '${metadata.name}' has no trigger.`);
  return {
    name: metadata.name,
    kind: kinds[trigger[1].type.toLowerCase()] ?? 'other',
    trigger: { ...trigger[1], name: trigger[0] },
    clients: bindings
      .filter(([, binding]) => /^(durable|orchestration)Client$/i.test(binding.type))
      .map(([key]) => key),
    metadata,
  };
}

function isDisabled(name: string, env: Record<string, string | undefined>): boolean {
  const value = env[`AzureWebJobs.${name}.Disabled`] ?? env[`AzureWebJobs_${name}_Disabled`];
  return value !== undefined && /^(1|true)$/i.test(value);
}

/** Replaces `%NAME%` in binding strings by the app setting of that name. */
function substituted(metadata: FunctionMetadata, env: Record<string, string | undefined>): FunctionMetadata {
  const replace = (text: string): string =>
    text.replace(/%([^%\s]+)%/g, (_, name: string) => {
      const value = env[name];
      if (value === undefined) throw new MissingSetting(`the app setting '${name}' is not set.`);
      return value;
    });
  const bindings = Object.entries(metadata.bindings).map(([key, binding]): [string, Binding] => {
    const fields = Object.entries(binding).map(([field, value]) => [
      field,
      typeof value === 'string' ? replace(value) : value,
    ]);
    return [key, Object.fromEntries(fields) as Binding];
  });
  return { ...metadata, bindings: Object.fromEntries(bindings) };
}
