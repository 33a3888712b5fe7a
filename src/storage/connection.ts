/**
 * How an account is reached: a connection string, or an endpoint and an identity. Settings are parsed to it, and `azure.ts`
 * opens it. It must never put a key into a message.
 */
import type { TokenCredential } from '@azure/identity';
import type { Signer } from './azure-requests.ts';

/** How an account is opened. */
export type StorageConnection =
  | { connectionString: string }
  /**
   * Identity-based: the account's blob endpoint, and the client ID of a user-assigned identity if there is one. With
   * `managedidentity` nothing else is tried than a managed identity; without, also who is signed in on this machine.
   */
  | { blobServiceUri: string; clientId?: string; credential?: 'managedidentity' };

/**
 * The account's blob endpoint, for those who read published files.
 * @param connection a connection string, or an account's endpoint and an identity
 * @returns its address, without keys; undefined when the connection string does not say
 */
export function endpointOf(connection: StorageConnection): string | undefined {
  if ('blobServiceUri' in connection) return connection.blobServiceUri;
  const parts = fieldsOf(connection.connectionString);
  const [account, suffix] = [parts.get('accountname'), parts.get('endpointsuffix') ?? 'core.windows.net'];
  const named = parts.get('blobendpoint');
  if (named) return named;
  return account === undefined
    ? undefined
    : `${parts.get('defaultendpointsprotocol') ?? 'https'}://${account}.blob.${suffix}`;
}

/**
 * Whom requests come from.
 * @param connectionString the account's connection string
 * @returns the account's name and key; `address` where the string has a shared access signature in place of a key
 */
export function signerOf(connectionString: string): Signer {
  const fields = fieldsOf(connectionString);
  const key = fields.get('accountkey');
  const accountName = fields.get('accountname');
  return key && accountName ? { accountName, accountKey: Buffer.from(key, 'base64') } : 'address';
}

/** What the short form of an emulator's connection string stands for. Its key is public. */
const EMULATOR =
  'AccountName=devstoreaccount1;BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;' +
  'AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

/** The fields of a connection string, by their names in lower case. */
function fieldsOf(connectionString: string): ReadonlyMap<string, string> {
  const fields = new Map(
    connectionString.split(';').map((part): [string, string] => {
      const at = part.indexOf('=');
      return [part.slice(0, at).trim().toLowerCase(), part.slice(at + 1).trim()];
    }),
  );
  return fields.get('usedevelopmentstorage') === 'true' ? fieldsOf(EMULATOR) : fields;
}

/**
 * The identity of a connection. Its package is loaded with the first token: without an identity, that is a third of a
 * process's start.
 * @param connection the client ID of a user-assigned identity, and whether a managed one is the only one to be tried
 * @returns what gives tokens
 */
export function identityOf(connection: IdentityOptions): TokenCredential {
  let credential: Promise<TokenCredential> | undefined;
  return {
    async getToken(scopes, options) {
      credential ??= loadIdentity(connection);
      return await (await credential).getToken(scopes, options);
    },
  };
}

/** Which identity is meant. */
export interface IdentityOptions {
  clientId?: string;
  credential?: 'managedidentity';
}

async function loadIdentity({ clientId, credential }: IdentityOptions): Promise<TokenCredential> {
  const { DefaultAzureCredential, ManagedIdentityCredential } = await import('@azure/identity');
  if (credential === 'managedidentity') return new ManagedIdentityCredential(clientId ? { clientId } : {});
  return new DefaultAzureCredential(clientId ? { managedIdentityClientId: clientId } : {});
}
