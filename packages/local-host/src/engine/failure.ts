/**
 * Makes the texts of failures as the Functions host and the durable task extension 3.19.0 make them, for activities and
 * orchestrators. The engine calls it. The SDKs turn these texts into errors again, so they must agree to the letter.
 * What looks like a credential is hidden.
 */
import type { OrchestratorState } from './actions.ts';

/** A function's thrown error as the worker reports it. */
export interface ThrownError {
  message: string;
  stack: string;
}

const credentialMarks = [
  'Token=',
  'DefaultEndpointsProtocol=http',
  'AccountKey=',
  'Data Source=',
  'Server=',
  'Password=',
  'pwd=',
  '&amp;sig=',
  '&sig=',
  '?sig=',
  'SharedAccessKey=',
  '&amp;code=',
  '&code=',
  '?code=',
  'key=',
];

/** Hides what looks like a credential, from its mark to the next `<`, `"` or `'` (`H/WebJobs.Script/Sanitizer.cs`). */
export function sanitize(text: string): string {
  let clean = text;
  for (const mark of credentialMarks) {
    let from = 0;
    for (;;) {
      const start = clean.toLowerCase().indexOf(mark.toLowerCase(), from);
      if (start < 0) break;
      const rest = clean.slice(start).search(/[<"']/);
      const end = rest < 0 ? clean.length : start + rest;
      clean = `${clean.slice(0, start)}[Hidden Credential]${clean.slice(end)}`;
      from = start + '[Hidden Credential]'.length;
    }
  }
  return clean;
}

/** The host's text of a worker's error (`H/WebJobs.Script/Workers/Rpc/RpcException.cs`). */
export function rpcExceptionMessage(error: ThrownError): string {
  return `Result: Failure\nException: ${sanitize(error.message)}\nStack: ${error.stack}`;
}

/** The part that the extension takes out of that text: between the first `\nException: ` and the first `\nStack:`. */
function exceptionText(error: ThrownError): string {
  const message = sanitize(error.message);
  const cut = message.indexOf('\nStack:');
  return cut < 0 ? message : message.slice(0, cut);
}

/** A stack trace of the host's own code. The extension shows one, so this host does too; nobody should parse it. */
const hostStack = [
  '   at Microsoft.Azure.WebJobs.Script.Description.WorkerFunctionInvoker.InvokeCore(Object[] parameters, FunctionInvocationContext context)',
  '   at Microsoft.Azure.WebJobs.Script.Description.FunctionInvokerBase.Invoke(Object[] parameters)',
  '   at Microsoft.Azure.WebJobs.Host.Executors.FunctionExecutor.ExecuteWithLoggingAsync(IFunctionInstanceEx instance)',
].join('\n');

/** An exception as the extension serialises it: the friendly text outside, the worker's whole error inside. */
function dotNetException(error: ThrownError): object {
  const common = { Data: {}, HelpLink: null, HResult: -2146233088 };
  const inner = {
    $type: 'Microsoft.Azure.WebJobs.Script.Workers.Rpc.RpcException, Microsoft.Azure.WebJobs.Script',
    IsUserException: false,
    RemoteMessage: sanitize(error.message),
    RemoteStackTrace: error.stack,
    Message: rpcExceptionMessage(error),
    InnerException: null,
    Source: 'System.Private.CoreLib',
    StackTrace: hostStack,
    ...common,
  };
  return {
    $type: 'System.Exception, System.Private.CoreLib',
    Message: exceptionText(error),
    InnerException: inner,
    Source: null,
    StackTrace: null,
    ...common,
  };
}

interface FailureDetails {
  ErrorType: string;
  ErrorMessage: string;
  StackTrace: string;
  InnerFailure: null;
  IsNonRetriable: boolean;
  Properties: unknown;
}

/** An activity's failure as the history carries it. `Details` is always a string: the SDK's replay dies of null. */
export function activityFailure(
  name: string,
  error: ThrownError,
): { Reason: string; Details: string; FailureDetails: unknown } {
  const details = structuredFailure(error);
  if (details !== undefined) {
    return {
      Reason: `Activity function '${name}' failed with an unhandled exception.`,
      Details: '',
      FailureDetails: details,
    };
  }
  return {
    Reason: `Activity function '${name}' failed: ${exceptionText(error)}`,
    Details: JSON.stringify(dotNetException(error)),
    FailureDetails: null,
  };
}

/** With `df.app.setExceptionPropertiesProvider` the message is a JSON object that the extension turns into details. */
function structuredFailure(error: ThrownError): FailureDetails | undefined {
  if (!error.message.startsWith('{')) return undefined;
  let parsed: Record<string, unknown>;
  try {
    parsed = JSON.parse(error.message) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  if (typeof parsed.errorType !== 'string' || typeof parsed.errorMessage !== 'string') return undefined;
  return {
    ErrorType: parsed.errorType,
    ErrorMessage: parsed.errorMessage,
    StackTrace: typeof parsed.stackTrace === 'string' ? parsed.stackTrace : error.stack,
    InnerFailure: null,
    IsNonRetriable: parsed.isNonRetriable === true,
    Properties: parsed.properties ?? null,
  };
}

const outOfProcLabel = '\n\n$OutOfProcData$:';

/** The state inside a failed orchestrator's error; undefined when the error is the SDK's own. */
export function stateOfFailure(error: ThrownError): OrchestratorState | undefined {
  const at = error.message.indexOf(outOfProcLabel);
  if (at < 0) return undefined;
  try {
    return JSON.parse(error.message.slice(at + outOfProcLabel.length)) as OrchestratorState;
  } catch {
    return undefined;
  }
}

export function orchestratorFailure(name: string, error: string): string {
  return `Orchestrator function '${name}' failed: ${sanitize(error)}`;
}
