/**
 * Registers the monitor page. The host loads this file; nothing imports it. It is the one address that needs no key: the
 * page holds no data, and asks the API with the key that its user gives.
 */
import { app } from '@azure/functions';
import { servePage } from '../src/monitor/page-files.ts';

app.http('monitor', {
  route: 'monitor/{*file}',
  methods: ['GET'],
  authLevel: 'anonymous',
  handler: async (request) => await servePage(request, request.params.file ?? ''),
});
