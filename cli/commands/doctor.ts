/**
 * The command `doctor`: it looks at the project, at the running app from outside, and has the app look at itself; then it
 * says what is wrong and how to mend it. What the app may do in the storage is tried by the app, with its own identity.
 */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { checkSettings, checkUp, checkVersions } from '../../src/doctor/check-up.ts';
import { type Finding, ok, warning, wrong, wrongBy } from '../../src/doctor/finding.ts';
import { ownVersion } from '../../src/environment/version.ts';
import { OrdinalError } from '../../src/errors.ts';
import { doctorSchema } from '../../src/http/schemas.ts';
import { defineCommand, type Given } from '../command.ts';
import type { ShownPart } from '../terminal/show.ts';
import type { Tone } from '../terminal/table.ts';
import { plain } from '../terminal/text.ts';

const HUB = 'extensions.durableTask';

const hostJsonSchema = z.looseObject({
  version: z.literal('2.0'),
  extensions: z
    .looseObject({
      durableTask: z
        .looseObject({
          hubName: z.string().optional(),
          defaultVersion: z.string().optional(),
          storageProvider: z
            .looseObject({
              type: z.string().optional(),
              controlQueueVisibilityTimeout: z.string().optional(),
              workItemQueueVisibilityTimeout: z.string().optional(),
            })
            .optional(),
        })
        .optional(),
    })
    .optional(),
});

interface Report {
  here: Finding[];
  /** What the app found, and what is seen of it from here; null when it was not asked. */
  app: Finding[] | null;
}

export const doctorCommand = defineCommand({
  name: 'doctor',
  summary: 'Look at settings, storage, roles, triggers and versions; say what is wrong and how to mend it',
  needs: ['app'],
  details:
    'It writes one small blob into each container that the app writes, and removes it again. Without a running app it looks at this machine only, and says so.',
  configure: (command) => command.option('--offline', 'look at this machine only, and not at the running app'),
  work: async (given, { offline }) => {
    const report: Report = { here: await checkHere(given), app: offline ? null : await checkApp(given) };
    const all = [...report.here, ...(report.app ?? [])];
    const wrongs = all.filter(({ level }) => level === 'wrong').length;
    return { show: shown(report, given), value: { ok: wrongs === 0, ...report }, exit: wrongs > 0 ? 'failed' : 'ok' };
  },
});

/** This machine: the project's files, its settings, and the storage that they name. */
async function checkHere(given: Given): Promise<Finding[]> {
  const files = await checkHostJson();
  try {
    const pipelines = await given.pipelines();
    files.push(ok('pipelines', 'pipelines', `${pipelines.size} compile: ${[...pipelines.keys()].join(', ')}`));
  } catch (thrown) {
    if (!(thrown instanceof OrdinalError)) throw thrown;
    // Without pipelines it is not known which containers there are.
    return [
      ...checkVersions(),
      ...checkSettings(await given.settings().catch(() => ({}))),
      ...files,
      wrongBy('pipelines', 'pipelines', thrown),
    ];
  }
  try {
    return [...files, ...(await checkUp(await given.environment(), await given.settings()))];
  } catch (thrown) {
    if (!(thrown instanceof OrdinalError)) throw thrown;
    return [
      ...files,
      ...checkVersions(),
      ...checkSettings(await given.settings().catch(() => ({}))),
      wrongBy('settings', 'settings', thrown),
    ];
  }
}

/** The file that says how the host runs the app. */
async function checkHostJson(): Promise<Finding[]> {
  const text = await readFile('host.json', 'utf8').catch(() => undefined);
  if (text === undefined) {
    const remedy = 'Run the command in the folder of the app, or give it with npm --prefix.';
    return [wrong('settings', 'host.json', 'there is none in this folder', remedy)];
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (thrown) {
    const says = `is not JSON: ${thrown instanceof Error ? thrown.message : thrown}`;
    return [wrong('settings', 'host.json', says, 'Correct it.')];
  }
  const parsed = hostJsonSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return [wrong('settings', `host.json ${issue?.path.join('.')}`, issue?.message ?? 'is wrong', 'Correct it.')];
  }
  const { hubName, defaultVersion, storageProvider = {} } = parsed.data.extensions?.durableTask ?? {};
  const findings: Finding[] = [];
  if (hubName === undefined) {
    const says = 'is not set: the hub takes the name of the app, and changes with it';
    findings.push(warning('settings', `host.json ${HUB}.hubName`, says, 'Set it once, and never change it.'));
  }
  if (defaultVersion === undefined) {
    const says = 'is not set: runs that go on during a deployment may fail';
    findings.push(
      warning('settings', `host.json ${HUB}.defaultVersion`, says, 'Set it as docs/deploy.md says, to "1.0" at first.'),
    );
  }
  for (const name of ['controlQueueVisibilityTimeout', 'workItemQueueVisibilityTimeout'] as const) {
    if (storageProvider.type === 'azureManaged' || storageProvider[name] !== undefined) continue;
    const says = 'is not set: after the death of an instance its work lies still for five minutes';
    findings.push(warning('settings', `host.json ${HUB}.storageProvider.${name}`, says, 'Set it to "00:01:00".'));
  }
  return findings.length > 0
    ? findings
    : [ok('settings', 'host.json', `task hub ${hubName}, version ${defaultVersion}`)];
}

/** The running app: whether it answers, is of this version, has these pipelines; and what it says of itself. */
async function checkApp(given: Given): Promise<Finding[]> {
  try {
    const app = await given.app();
    const request = { body: {}, signal: given.signal };
    const { body } = await app.call('POST', 'doctor', doctorSchema, request);
    return [ok('app', app.host, 'answers'), ...(await compare(given, body)), ...body.findings];
  } catch (thrown) {
    if (!(thrown instanceof OrdinalError)) throw thrown;
    return [wrongBy('app', 'the running app', thrown)];
  }
}

async function compare(given: Given, { version, pipelines }: z.infer<typeof doctorSchema>): Promise<Finding[]> {
  const findings: Finding[] = [];
  if (version !== ownVersion()) {
    const says = `the app has version ${version}, this command ${ownVersion()}`;
    findings.push(warning('versions', 'Ordinal', says, 'Deploy the app, or use the version that it has.'));
  }
  const mine = await given.pipelines().catch(() => new Map<string, { hash: string }>());
  const theirs = new Map(pipelines.map(({ name, hash }) => [name, hash]));
  for (const name of new Set([...mine.keys(), ...theirs.keys()])) {
    const [here, there] = [mine.get(name)?.hash, theirs.get(name)];
    if (here === there) continue;
    const says =
      there === undefined
        ? 'the app does not have it'
        : here === undefined
          ? 'only the app has it'
          : 'the app has another shape of it';
    findings.push(warning('pipelines', name, says, 'Build and deploy the app (npm run build), or update this folder.'));
  }
  return findings;
}

const tones: Record<Finding['level'], Tone> = { ok: 'good', warning: 'warning', wrong: 'bad' };

function shown({ here, app }: Report, { terminal }: Given): ShownPart[] {
  const table = (findings: readonly Finding[]): ShownPart => ({
    columns: [{ title: '', whole: true }, { title: 'area', drop: 1 }, { title: 'subject' }, { title: 'finding' }],
    rows: findings.map(({ area, level, subject, says }) => [{ text: level, tone: tones[level] }, area, subject, says]),
    none: 'Nothing was looked at.',
  });
  const toMend = [...here, ...(app ?? [])].filter(({ level }) => level !== 'ok');
  return [
    terminal.paint('strong', 'On this machine'),
    table(here),
    ...(app ? [terminal.paint('strong', 'The running app'), table(app)] : ['The running app was not asked.']),
    ...(toMend.length === 0
      ? [{ line: 'All is in order.', tone: 'good' as const }]
      : [terminal.paint('strong', 'What to do'), ...remedies(toMend)]),
  ];
}

/** One remedy for each thing, however many say it. */
function remedies(findings: readonly Finding[]): ShownPart[] {
  const texts = findings.map(({ subject, says, remedy }) => `${subject}: ${says}. ${remedy ?? ''}`.trim());
  return [...new Set(texts)].map((text) => plain(`- ${text}`));
}
