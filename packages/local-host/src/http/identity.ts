/**
 * Gets access tokens of a managed identity for durable HTTP requests. `dispatch.ts` and `runtime.ts` use it. A token is
 * kept until shortly before it expires, and must never be logged.
 */

/** Gives an access token for a resource such as `https://management.core.windows.net/`. */
export type TokenSource = (resource: string) => Promise<string>;

/** A token is used again until so many milliseconds before it expires. */
const renewBeforeMs = 5 * 60_000;
const answerMsMax = 30_000;

interface Token {
  text: string;
  expiresAt: number;
}

/**
 * Tokens of a managed identity for durable HTTP requests, from the endpoint that App Service gives an app by the
 * settings `IDENTITY_ENDPOINT` and `IDENTITY_HEADER` (api-version 2019-08-01). Whatever serves that protocol locally
 * will do.
 *
 * @throws when the settings are not there, or when the endpoint gives no token.
 */
export function managedIdentity(env: Record<string, string | undefined>, now: () => number): TokenSource {
  const tokens = new Map<string, Token>();
  return async (resource) => {
    const known = tokens.get(resource);
    if (known !== undefined && known.expiresAt - renewBeforeMs > now()) return known.text;
    const { IDENTITY_ENDPOINT: endpoint, IDENTITY_HEADER: secret } = env;
    if (!endpoint || !secret) {
      throw new Error(
        `it asks for a managed identity's token for '${resource}', and there is no identity here: set the app settings ` +
          'IDENTITY_ENDPOINT and IDENTITY_HEADER to an endpoint that gives tokens as App Service does.',
      );
    }
    const token = await ask(endpoint, secret, resource);
    tokens.set(resource, token);
    return token.text;
  };
}

async function ask(endpoint: string, secret: string, resource: string): Promise<Token> {
  const url = new URL(endpoint);
  url.searchParams.set('resource', resource);
  url.searchParams.set('api-version', '2019-08-01');
  const clean = `${url.origin}${url.pathname}`;
  const response = await fetch(url, {
    headers: { 'x-identity-header': secret },
    signal: AbortSignal.timeout(answerMsMax),
  }).catch((error: Error) => {
    throw new Error(
      `the identity endpoint ${clean} cannot be reached: ${(error.cause as Error)?.message ?? error.message}`,
    );
  });
  if (response.status !== 200) {
    throw new Error(
      `the identity endpoint ${clean} gave no token for '${resource}': ${response.status} ${await response.text()}`,
    );
  }
  const body = (await response.json().catch(() => ({}))) as { access_token?: unknown; expires_on?: unknown };
  if (typeof body.access_token !== 'string') {
    throw new Error(`the identity endpoint ${clean} gave an answer for '${resource}' that holds no access_token`);
  }
  return { text: body.access_token, expiresAt: (Number(body.expires_on) || 0) * 1000 };
}
