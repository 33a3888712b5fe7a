/**
 * The shape of an orchestrator's reply: which actions it asks for, as `durable-functions` writes them
 * (`DF/actions/*.js`). The engine and the worker read it. It holds types and numbers only, and must agree with the SDK.
 */

/** What an orchestrator asks for, as `durable-functions` writes it in its reply (`DF/actions/*.js`). */
export const actionType = {
  callActivity: 0,
  callActivityWithRetry: 1,
  callSubOrchestrator: 2,
  callSubOrchestratorWithRetry: 3,
  continueAsNew: 4,
  createTimer: 5,
  waitForExternalEvent: 6,
  callEntity: 7,
  callHttp: 8,
  signalEntity: 9,
  whenAny: 11,
  whenAll: 12,
  lockEntities: 13,
  releaseEntities: 14,
} as const;

export interface RetryOptions {
  firstRetryIntervalInMilliseconds: number;
  maxNumberOfAttempts: number;
  backoffCoefficient?: number;
  maxRetryIntervalInMilliseconds?: number;
  retryTimeoutInMilliseconds?: number;
}

export interface DurableHttpRequest {
  method: string;
  uri: string;
  content?: string;
  headers?: Record<string, string>;
  tokenSource?: { kind: string; resource: string } | null;
  asynchronousPatternEnabled?: boolean;
}

/** One action; which fields are there depends on `actionType`. */
export interface Action {
  actionType: number;
  functionName?: string;
  input?: unknown;
  instanceId?: string;
  version?: string;
  retryOptions?: RetryOptions;
  fireAt?: string;
  isCanceled?: boolean;
  externalEventName?: string;
  operation?: string;
  httpRequest?: DurableHttpRequest;
  asynchronousPatternEnabled?: boolean;
  compoundActions?: Action[];
  lockRequestId?: string;
  lockSet?: { name: string; key: string }[];
}

/** The reply to an orchestrator's invocation (`DF/orchestrations/OrchestratorState.js`). */
export interface OrchestratorState {
  isDone: boolean;
  actions: Action[][];
  output?: unknown;
  customStatus?: unknown;
  error?: string;
  failureDetails?: unknown;
  schemaVersion?: number;
}
