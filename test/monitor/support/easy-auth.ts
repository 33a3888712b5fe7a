/**
 * App Service authentication in front of an app, as far as a browser and the app see of it: who has a session's cookie
 * passes, with the name of the user in a header that callers cannot set themselves; everybody else is refused or sent to
 * a login page. The keys of functions are not its matter: they are needed as well.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';

export const SESSION = { name: 'AppServiceAuthSession', value: 'c2Vzc2lvbg==' };

export interface EasyAuth {
  url: string;
  /** What is done without a session. */
  action: 'Return401' | 'RedirectToLoginPage';
  /** Whether the session is still known. */
  open: boolean;
  /** Where those without a session are sent, and how many came there. */
  loginUrl: string;
  logins: number;
  /** Requests to the API that had a session. */
  passed: { path: string; key: boolean }[];
  stop(): Promise<void>;
}

/** Starts it in front of the app at `target`. */
export async function startEasyAuth(target: string, user: string): Promise<EasyAuth> {
  const server = createServer((request, response) => {
    const cookies = request.headers.cookie?.split('; ') ?? [];
    if (!of.open || !cookies.includes(`${SESSION.name}=${SESSION.value}`)) return refuse(of, response);
    const path = request.url ?? '/';
    if (!path.startsWith('/api/monitor')) of.passed.push({ path, key: 'x-functions-key' in request.headers });
    pass(request, response, target, user);
  });
  const login = createServer((_, response) => {
    of.logins++;
    response.end('Who are you?');
  });
  const of: EasyAuth = {
    url: await listening(server),
    loginUrl: `${await listening(login)}/authorize`,
    logins: 0,
    action: 'Return401',
    open: true,
    passed: [],
    async stop() {
      for (const one of [server, login]) {
        one.closeAllConnections();
        await new Promise((resolve) => one.close(resolve));
      }
    },
  };
  return of;
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function refuse({ action, loginUrl }: EasyAuth, response: ServerResponse): void {
  if (action === 'Return401') {
    response.writeHead(401, { 'www-authenticate': 'Bearer realm="127.0.0.1"' }).end();
    return;
  }
  response.writeHead(302, { location: loginUrl }).end();
}

function pass(request: IncomingMessage, response: ServerResponse, target: string, user: string): void {
  const own = Object.entries(request.headers).filter(([name]) => !name.startsWith('x-ms-client-principal'));
  const headers = { ...Object.fromEntries(own), host: new URL(target).host, 'x-ms-client-principal-name': user };
  const onward = send(new URL(request.url ?? '/', target), { method: request.method ?? 'GET', headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.destroy());
  request.pipe(onward);
}
