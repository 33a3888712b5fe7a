/**
 * Where the running app is, and how a request to it proves who asks: a function key, a system key, an Entra token. Both
 * clients use it. A key or a token must go into a header and never into an address, which logs would keep.
 */
import { ownVersion } from '../../src/environment/version.ts';
import { OrdinalError } from '../../src/errors.ts';

export interface Access {
  /** Address of the host, without a trailing slash. */
  host: string;
  key: string | undefined;
  /** Of an Entra application. */
  scope: string | undefined;
}

const TIMEOUT_MS = 100_000;

/** @throws OrdinalError `InvalidSettings` for a text that is no address. */
export function hostOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) {
    throw new OrdinalError('InvalidSettings', `"${text}" is not the address of a host`, {
      remedy: 'Give an address such as https://NAME.azurewebsites.net, with --host or in ORDINAL_HOST.',
    });
  }
  return `${url.origin}${url.pathname.replace(/\/(api\/?)?$/, '')}`;
}

/**
 * Sends a request.
 *
 * @param path below the host.
 * @throws OrdinalError `StorageFailed` when nobody answers, `InvalidSettings` when access is refused.
 */
export async function send(
  { host, key, scope }: Access,
  method: string,
  path: string,
  { body, signal, keyHelp }: { body?: object | undefined; signal?: AbortSignal | undefined; keyHelp: string },
): Promise<Response> {
  // Runs say by this who started them, where nobody has signed in.
  const headers: Record<string, string> = { 'user-agent': `ordinal-cli/${ownVersion()}` };
  if (key !== undefined) headers['x-functions-key'] = key;
  if (scope !== undefined) headers.authorization = `Bearer ${await tokenFor(scope)}`;
  if (body !== undefined) headers['content-type'] = 'application/json';
  let response: Response;
  try {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    response = await fetch(`${host}${path}`, {
      method,
      headers,
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    throw new OrdinalError('StorageFailed', `no host answers at ${host}`, {
      remedy: 'Start the app (npm start), or name another one with --host or ORDINAL_HOST.',
      cause,
    });
  }
  if (response.status === 401 || response.status === 403) {
    throw new OrdinalError('InvalidSettings', `the host at ${host} refuses access (${response.status})`, {
      remedy: keyHelp,
    });
  }
  return response;
}

/** A token of the identity that this machine has: Azure CLI, environment, managed identity. */
async function tokenFor(scope: string): Promise<string> {
  const { DefaultAzureCredential } = await import('@azure/identity');
  try {
    return (await new DefaultAzureCredential().getToken(scope)).token;
  } catch (cause) {
    throw new OrdinalError('InvalidSettings', `there is no Entra token for ${scope}`, {
      remedy: 'Sign in with az login, and give the scope of the app, such as api://CLIENT_ID/.default.',
      cause,
    });
  }
}
