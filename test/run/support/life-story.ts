/**
 * What clients of a long life asked for, what they were answered, and what the world owes them for it. An oracle that
 * knows requests and answers, and nothing of how lives work. Used by `life-play.ts`; it asks nothing itself.
 */
import assert from 'node:assert/strict';
import type { Published } from './published.ts';
import type { Answer } from './sim-clients.ts';
import type { SimInstance } from './sim-host.ts';

export interface StartBody {
  runId: string;
  prefix?: string;
  blobs?: string[];
  glob?: string;
  versions?: 'new';
}

/** A start that a client asks for, and the blobs that it means. */
export interface Ask {
  body: StartBody;
  blobs: string[];
}

/** One run ID, over all its lives. */
export interface Story {
  id: string;
  pipeline: string;
  ask: Ask;
  asked: Ask[];
  accepted: Ask[];
  /** When its source was last changed. */
  changedAt: number;
  /** Instances whose end was asked for: how they die is nobody's business. */
  ended: Set<string>;
  /** Whether the run is owed: started again by a client who had been told of its end before. */
  owed: boolean;
  /** How often its end was asked for. */
  ends: number;
  /** Whether it was asked to be taken back: it may be refused, and what it had read is new again if not. */
  withdrawn?: boolean;
  /** Whether other runs are over the same source: they may have read some of it, or all. */
  rivals: boolean;
}

/** What a fault of ours explains: errors carry the place where it was injected. */
const injected = /planned at|refused at/;

export function isInjected(text: string): boolean {
  return injected.test(text);
}

const whatOf = ({ body }: Ask) => JSON.stringify([body.prefix ?? null, body.blobs ?? null, body.glob ?? null]);

/** A start was answered. */
export function judgeStart(story: Story, ask: Ask, answer: Answer): void {
  const { status, body } = answer;
  if (status === 200 || status === 202) {
    story.accepted.push(ask);
    const sources = new Set(story.accepted.map(whatOf));
    assert.equal(sources.size, 1, `${story.id}: starts of two sources were both accepted: ${[...sources].join(' ')}`);
    return;
  }
  if (status === 409 && body.code === 'RunIdConflict') {
    const others = story.asked.filter((other) => whatOf(other) !== whatOf(ask));
    assert.ok(others.length > 0, `${story.id}: a start was refused, and nobody had asked for another source`);
    const same = story.accepted.some((other) => whatOf(other) === whatOf(ask));
    assert.ok(!same, `${story.id}: a start was refused that had been accepted before`);
    return;
  }
  judgeOther('start', story.id, answer);
}

/** Anything but success is a fault of ours. */
export function judgeOther(what: string, id: string, { status, body }: Answer): void {
  if (status < 400) return;
  assert.ok(isInjected(JSON.stringify(body)), `${what} ${id}: ${status} ${JSON.stringify(body)}`);
}

/** An execution ended: one that failed, failed for a fault of ours or a source that was changed under it. */
export function judgeEnd(instance: SimInstance, story: Story | undefined, isOutlived: boolean): void {
  if (instance.status !== 'Failed') return;
  const error = instance.error ?? '';
  if (isInjected(error)) return;
  // A newer life has given back what this one held, while it still ran.
  if (story && (story.ended.has(instance.id) || isOutlived)) return;
  // The ID of a run that was withdrawn is spent.
  if (/^RunIdConflict: run "[^"]*" was withdrawn/.test(error) && story?.withdrawn) return;
  // A withdrawal that failed half-way keeps its indexes closed until it is asked for again.
  if (/^LeaseConflict: .* still holds keys of the withdrawn run/.test(error)) return;
  if (story && /^Source(Changed|Empty)/.test(error) && instance.createdAt <= story.changedAt) return;
  assert.fail(`${instance.name} ${instance.id} failed for no fault that was injected: ${error}`);
}

/** Faults have stopped and nothing runs: who was promised an end has it. */
export function judgeRest(story: Story, newest: SimInstance | undefined): void {
  if (!story.owed) return;
  assert.ok(newest, `${story.id}: accepted, and nobody knows it`);
  assert.notEqual(newest.status, 'Terminated', `${story.id}: started again after its end, and ended by that end`);
}

/** What was published is of the source that was accepted. */
export function judgePublished(story: Story, published: Published | undefined): void {
  const [accepted] = story.accepted;
  assert.ok(accepted, `${story.id}: was accepted`);
  const read = published?.manifest.inputs.map(({ blob }) => blob) ?? [];
  if (story.withdrawn && !published) return;
  if (story.rivals) {
    const other = read.filter((blob) => !accepted.blobs.includes(blob));
    assert.deepEqual(other, [], `${story.id}: read no blob but those that its start named`);
    return;
  }
  assert.ok(published, `${story.id}: has published`);
  assert.deepEqual(read, accepted.blobs, `${story.id}: read the blobs that its start named`);
}
