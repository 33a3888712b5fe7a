/**
 * `POST /api/doctor`: the app looks at its own set-up, with its own settings and its own identity. `routes.ts` lists it.
 * It must never show the value of a setting: some are secrets.
 */
import { checkUp } from '../doctor/check-up.ts';
import { ownVersion } from '../environment/version.ts';
import { json } from './problem.ts';
import type { Handler } from './request-context.ts';

export const runDoctor: Handler = async ({ environment }) => {
  const findings = await checkUp(environment, process.env);
  const pipelines = [...environment.pipelines.values()].map(({ name, hash }) => ({ name, hash }));
  return json(200, { version: ownVersion(), findings, pipelines });
};
