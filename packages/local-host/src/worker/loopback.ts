/**
 * Makes servers that the app's SDK opens listen on loopback only. `main.ts` of this folder calls it. Without it,
 * `@azure/functions` would open a proxy that other machines can reach and that asks for no key.
 */
import { Server } from 'node:net';

type Listen = (this: Server, ...args: unknown[]) => Server;

/**
 * Runs `action` so that servers without a given port and address listen on loopback. `@azure/functions` opens its HTTP
 * proxy without an address, which means every address of the machine, and the proxy asks for no key.
 */
export async function onLoopback<T>(action: () => Promise<T>): Promise<T> {
  const prototype = Server.prototype as unknown as { listen: Listen };
  const listen = prototype.listen;
  prototype.listen = function (this: Server, ...args: unknown[]) {
    const namesNothing = args.length === 0 || typeof args[0] === 'function';
    return namesNothing ? listen.call(this, 0, '127.0.0.1', ...args) : listen.apply(this, args);
  };
  try {
    return await action();
  } finally {
    prototype.listen = listen;
  }
}
