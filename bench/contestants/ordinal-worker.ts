/** A worker thread: one activity at a time, in the order they are sent. */
import { parentPort } from 'node:worker_threads';
import { type ActivityCall, callActivity } from './ordinal-activities.ts';

parentPort!.on('message', async (call: ActivityCall) => {
  parentPort!.postMessage(await callActivity(call));
});
