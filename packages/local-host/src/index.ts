/**
 * What other programs import: the host and Azurite as child processes. Tests, demos and tools call these. Neither may
 * outlive the process that started it.
 */
export { type AzuriteOptions, type RunningAzurite, startAzurite } from './azurite.ts';
export { type StartedHost, type StartHostOptions, startHost } from './start-host.ts';
