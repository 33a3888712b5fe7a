/**
 * The messages between the host and a worker process, sent over Node's IPC channel as structured clones. Both sides
 * import it. It holds types only.
 */

/** A value of the Functions worker protocol; exactly one member is set, or none for no value. */
export interface TypedData {
  string?: string;
  json?: string;
  bytes?: Uint8Array;
  int?: number;
  double?: number;
  http?: unknown;
  modelBindingData?: unknown;
}

export interface Binding {
  type: string;
  name: string;
  direction: string;
  [property: string]: unknown;
}

/** A function as the app registered it (`AF/converters/toCoreFunctionMetadata.ts`). */
export interface FunctionMetadata {
  name: string;
  bindings: Record<string, Binding>;
  retryOptions?: unknown;
}

export interface Invocation {
  id: string;
  functionName: string;
  inputs: { name: string; data: TypedData }[];
  triggerMetadata: Record<string, TypedData>;
  retryContext?: { retryCount: number; maxRetryCount: number };
}

export interface InvocationResult {
  returnValue?: TypedData;
  outputData: { name: string; data: TypedData }[];
  /** What the task is that an orchestrator put into two compounds, if it did so. */
  reusedTask?: string;
  /** The function returned neither a value nor an error. */
  returnedNothing?: boolean;
}

export type ToWorker =
  | { type: 'load'; scriptRoot: string }
  | { type: 'invoke'; invocation: Invocation }
  | { type: 'stop' };

export type LogLevel = 'trace' | 'debug' | 'information' | 'warning' | 'error' | 'critical';

export type FromWorker =
  | {
      type: 'loaded';
      functions: FunctionMetadata[];
      files: string[] /** Of the HTTP proxy of an app that streams. */;
      httpUri?: string;
    }
  | { type: 'loadFailed'; message: string; stack: string }
  | { type: 'result'; id: string; result: InvocationResult }
  | { type: 'failed'; id: string; message: string; stack: string }
  | { type: 'log'; level: LogLevel; category: string; message: string; functionName?: string; invocationId?: string };
