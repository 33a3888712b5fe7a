/**
 * The module `@azure/functions-core`, which only the Functions worker has: the app's `@azure/functions` finds this one
 * instead and registers its functions with it. The worker process uses it.
 */
import { createRequire, Module } from 'node:module';
import { join } from 'node:path';
import type { Binding, FromWorker, FunctionMetadata, LogLevel } from './protocol.ts';

/** The part of the programming model that a worker calls (`@azure/functions` types-core). */
export interface ProgrammingModel {
  name: string;
  version: string;
  getInvocationModel(context: CoreInvocationContext): InvocationModel | Promise<InvocationModel>;
  getCapabilities?(capabilities: Record<string, string>): unknown;
}

export interface InvocationModel {
  getArguments(): Promise<{ context: object; inputs: unknown[] }>;
  invokeFunction(context: object, inputs: unknown[], handler: FunctionCallback): Promise<unknown>;
  getResponse(context: object, result: unknown): Promise<CoreInvocationResponse>;
}

export interface CoreInvocationResponse {
  invocationId: string;
  outputData?: { name: string; data: unknown }[];
  returnValue?: unknown;
}

export interface CoreInvocationContext {
  invocationId: string;
  request: object;
  metadata: FunctionMetadata;
  state?: 'preInvocationHooks' | 'invocation' | 'postInvocationHooks';
  log(level: string, category: string, message: string): void;
}

export type FunctionCallback = (...parameters: unknown[]) => unknown;
export type Hook = (context: Record<string, unknown>) => unknown;

export interface RegisteredFunction {
  metadata: FunctionMetadata;
  callback: FunctionCallback;
}

class Disposable {
  private readonly action: () => void;

  constructor(action: () => void) {
    this.action = action;
  }

  dispose(): void {
    this.action();
  }

  static from(...disposables: { dispose(): void }[]): Disposable {
    return new Disposable(() => {
      for (const each of disposables) each.dispose();
    });
  }
}

/**
 * What the app's `@azure/functions` finds when it asks for `@azure/functions-core`: the module that only the Functions
 * worker has (`W/setupCoreModule.ts`). It collects what the app registers.
 */
export class CoreModule {
  readonly functions = new Map<string, RegisteredFunction>();
  /** An object that all hooks of the app share. */
  readonly appHookData = {};
  private readonly hooks = new Map<string, Hook[]>();
  private model: ProgrammingModel | undefined;
  private registrationIsOver = false;
  private readonly send: (message: FromWorker) => void;

  constructor(send: (message: FromWorker) => void) {
    this.send = send;
  }

  /** Answers every `require('@azure/functions-core')` from now on, and loads the app's `@azure/functions` once, so that
   * there is a programming model even when the app registers nothing. */
  install(scriptRoot: string): void {
    const api = this.api();
    const prototype = Module.prototype as unknown as { require(id: string): unknown };
    const original = prototype.require;
    prototype.require = function (this: unknown, id: string): unknown {
      return id === '@azure/functions-core' ? api : original.call(this, id);
    };
    try {
      createRequire(join(scriptRoot, 'package.json'))('@azure/functions');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
      throw new Error(`The app in ${scriptRoot} has no package '@azure/functions'. Run npm install there.`);
    }
  }

  closeRegistration(): void {
    this.registrationIsOver = true;
  }

  get programmingModel(): ProgrammingModel {
    if (this.model === undefined) throw new Error("The app's '@azure/functions' has set no programming model.");
    return this.model;
  }

  /** What is logged after the app's `log` hooks have run. They may change level and message. */
  hookedLog(log: { level: LogLevel; category: string; message: string; invocationContext?: object }): {
    level: LogLevel;
    category: string;
    message: string;
  } {
    const context = { ...log, hookData: {}, appHookData: this.appHookData };
    for (const hook of this.hooks.get('log') ?? []) hook(context);
    return { level: context.level, category: log.category, message: String(context.message) };
  }

  async runHooks(name: string, context: Record<string, unknown>): Promise<void> {
    for (const hook of this.hooks.get(name) ?? []) await hook(context);
  }

  private api(): object {
    return {
      version: '3.9.1',
      hostVersion: '4.1037.0',
      Disposable,
      registerFunction: (metadata: FunctionMetadata, callback: FunctionCallback) => this.register(metadata, callback),
      registerHook: (name: string, hook: Hook) => {
        const hooks = this.hooks.get(name) ?? [];
        this.hooks.set(name, hooks);
        hooks.push(hook);
        return new Disposable(() => hooks.splice(hooks.indexOf(hook), 1));
      },
      setProgrammingModel: (model: ProgrammingModel) => {
        this.model = model;
      },
      getProgrammingModel: () => this.model,
      log: (level: LogLevel, category: string, message: string) =>
        this.send({ type: 'log', ...this.hookedLog({ level, category, message: String(message) }) }),
    };
  }

  private register(metadata: FunctionMetadata, callback: FunctionCallback): Disposable {
    if (this.registrationIsOver) throw new Error('A function can only be registered during app startup.');
    const { name } = metadata;
    if (this.functions.has(name)) throw new Error(`A function with id "${name}" has already been registered.`);
    // Only JSON may cross to the host, as on the wire.
    const plain = JSON.parse(JSON.stringify(metadata)) as FunctionMetadata;
    for (const [key, binding] of Object.entries(plain.bindings) as [string, Binding][]) binding.name = key;
    this.functions.set(name, { metadata: plain, callback });
    return new Disposable(() => this.functions.delete(name));
  }
}
