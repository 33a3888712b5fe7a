/**
 * Registers the monitor page. `registerOrdinal` calls it. It is the one address that needs no key: the page holds no
 * data, and asks the API with the key that its user gives.
 */
import { app } from '@azure/functions';
import { servePage } from '../monitor/page-files.ts';

/** Registers the page, and the files that it is made of. */
export function registerMonitor(): void {
  app.http('monitor', {
    route: 'monitor/{*file}',
    methods: ['GET'],
    authLevel: 'anonymous',
    handler: async (request) => await servePage(request, request.params.file ?? ''),
  });
}
