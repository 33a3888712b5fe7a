/**
 * Makes the addresses that the durable client binding holds and that the API gives to callers, in the extension's form.
 * The host and the HTTP server call it. The addresses hold the webhook key, as they do in Azure.
 */

/** What the addresses are made of. */
export interface ClientBindingOptions {
  hubName: string;
  /** Where people reach the host, as in `http://localhost:7071`. */
  publicUrl: string;
  /** Where the SDK's client reaches it. */
  rpcUrl: string;
  /** The system key of the webhooks. Every URL holds it, even when no key is needed. */
  key: string;
}

const id = 'INSTANCEID';

function query({ hubName, key }: ClientBindingOptions): string {
  return `taskHub=${hubName}&connection=Storage&code=${key}`;
}

/** URLs to follow and steer the instance `instanceId` (`X/HttpApiHandler.cs`). */
export function managementUrls(
  options: ClientBindingOptions,
  baseUrl: string,
  instanceId: string,
): Record<string, string> {
  const instance = `${baseUrl}/instances/${instanceId === id ? id : encodeURIComponent(instanceId)}`;
  const q = query(options);
  return {
    id: instanceId,
    statusQueryGetUri: `${instance}?${q}`,
    sendEventPostUri: `${instance}/raiseEvent/{eventName}?${q}`,
    terminatePostUri: `${instance}/terminate?reason={text}&${q}`,
    rewindPostUri: `${instance}/rewind?reason={text}&${q}`,
    purgeHistoryDeleteUri: `${instance}?${q}`,
    restartPostUri: `${instance}/restart?${q}`,
    suspendPostUri: `${instance}/suspend?reason={text}&${q}`,
    resumePostUri: `${instance}/resume?reason={text}&${q}`,
  };
}

export const webhookPath = '/runtime/webhooks/durabletask';

/** The value of a durable client binding (`X/Bindings/BindingHelper.cs`), as JSON text. */
export function clientBinding(options: ClientBindingOptions): string {
  const base = `${options.publicUrl}${webhookPath}`;
  const code = `code=${options.key}`;
  const create = `${base}/orchestrators/{functionName}[/{instanceId}]`;
  return JSON.stringify({
    taskHubName: options.hubName,
    connectionName: null,
    creationUrls: {
      createNewInstancePostUri: `${create}?${code}`,
      createAndWaitOnNewInstancePostUri: `${create}?timeout={timeoutInSeconds}&pollingInterval={intervalInSeconds}&${code}`,
    },
    managementUrls: managementUrls(options, base, id),
    baseUrl: base,
    requiredQueryStringParameters: code,
    rpcBaseUrl: options.rpcUrl,
    httpBaseUrl: null,
  });
}
