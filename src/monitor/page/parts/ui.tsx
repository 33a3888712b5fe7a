/**
 * Small parts that all pages are made of: states, facts, names, notes, errors, regions. They hold no data of their own.
 * Whatever comes from a run is shown as text, in a `bdi`, so that no name can change the words around it.
 */
import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';
import type { ApiError } from '../api.ts';
import { formatTime } from '../format.ts';
import { href } from '../route.ts';
import type { RunSummary } from '../types.ts';

export type RunState = 'Pending' | 'Running' | 'Completed' | 'Failed' | 'Terminated' | 'Withdrawn';

/** The state that a run is shown in: one that was taken back has not just completed. */
export function stateOf({ status, withdrawn }: Pick<RunSummary, 'status' | 'withdrawn'>): RunState {
  return withdrawn ? 'Withdrawn' : status;
}

const words: Record<RunState, string> = {
  Pending: 'Pending',
  Running: 'Running',
  Completed: 'Completed',
  Failed: 'Failed',
  Terminated: 'Canceled',
  Withdrawn: 'Withdrawn',
};

export const wordOf = (state: RunState) => words[state];

/** The state of a run: a mark of its own shape and a word, so that colour alone says nothing. */
export function State({ of }: { of: RunState }) {
  return (
    <span class={`state ${of.toLowerCase()}`}>
      <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true" focusable="false">
        <StateMark of={of} />
      </svg>
      {words[of]}
    </span>
  );
}

function StateMark({ of }: { of: RunState }) {
  switch (of) {
    case 'Completed':
      return <path d="M2 6.5 5 9.5 10 3" class="stroke" />;
    case 'Failed':
      return <path d="M2.5 2.5l7 7m0-7l-7 7" class="stroke" />;
    case 'Terminated':
      return <rect x="2.5" y="2.5" width="7" height="7" rx="1" class="fill" />;
    case 'Withdrawn':
      return <path d="M5 2 2 5l3 3M2 5h5a2.7 2.7 0 0 1 0 5.4H5" class="stroke" />;
    case 'Running':
      return <circle cx="6" cy="6" r="3.5" class="stroke turning" pathLength="100" />;
    case 'Pending':
      return <circle cx="6" cy="6" r="3.5" class="stroke" />;
  }
}

interface TextProps {
  of: string;
  mono?: boolean;
  clip?: boolean;
}

/** A text that others have chosen: a name, a message. */
export function Text({ of, mono, clip }: TextProps) {
  const shown = of === '' ? '(empty)' : of;
  return (
    <bdi class={`text${mono ? ' mono' : ''}${clip ? ' clip' : ''}`} {...(clip && { title: shown.slice(0, 500) })}>
      {shown}
    </bdi>
  );
}

/** A link to a place in the page, under such a text. */
export function Link({ to, ...text }: TextProps & { to: Parameters<typeof href>[0] }) {
  return (
    <a href={href(to)}>
      <Text {...text} />
    </a>
  );
}

export function Time({ of }: { of: string | undefined }) {
  if (of === undefined) return null;
  return (
    <time dateTime={of} title={of}>
      {formatTime(of)}
    </time>
  );
}

/** A page of one thing: the list that it is in, its name, and what stands beside the name. */
export function Page(props: {
  within: ComponentChildren;
  title: ComponentChildren;
  aside?: ComponentChildren;
  class?: string;
  children: ComponentChildren;
}) {
  const title = <h1>{props.title}</h1>;
  return (
    <div class={`page ${props.class ?? ''}`}>
      <nav aria-label="Where this is" class="crumbs">
        {props.within}
      </nav>
      {props.aside === undefined ? (
        title
      ) : (
        <header class="run-head">
          {title}
          {props.aside}
        </header>
      )}
      {props.children}
    </div>
  );
}

/** A part of a page, under a heading. */
export function Section(props: {
  title: string;
  note?: ComponentChildren;
  aside?: ComponentChildren;
  class?: string;
  children: ComponentChildren;
}) {
  const id = useId();
  return (
    <section class={`section ${props.class ?? ''}`} aria-labelledby={id}>
      <div class="section-head">
        <h2 id={id}>{props.title}</h2>
        {props.note !== undefined && <p class="note">{props.note}</p>}
        {props.aside !== undefined && <div class="section-aside">{props.aside}</div>}
      </div>
      {props.children}
    </section>
  );
}

/** Facts: a name and a value each. Those without a value are left out. */
export function Facts({ of, class: name = '' }: { of: [string, ComponentChildren][]; class?: string }) {
  const shown = of.filter(([, value]) => value !== undefined && value !== null && value !== '' && value !== false);
  return (
    <dl class={`facts ${name}`}>
      {shown.map(([term, value]) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

export function Loading() {
  return (
    <p class="empty" role="status">
      Loading…
    </p>
  );
}

/** What the API refused, and what to do. */
export function Refusal({ of }: { of: ApiError }) {
  const { code, detail, remedy, errors = [] } = of.problem;
  return (
    <div class="refusal" role="alert">
      <p>
        <strong>
          <Text of={code} />
        </strong>{' '}
        <Text of={detail} />
      </p>
      {errors.length > 1 && (
        <ul>
          {errors.map(({ field, message }) => (
            <li key={field}>
              <Text of={`${field}: ${message}`} />
            </li>
          ))}
        </ul>
      )}
      {remedy !== undefined && (
        <p>
          <Text of={remedy} />
        </p>
      )}
    </div>
  );
}

interface AnswerProps<T> {
  of: { value?: T; error?: ApiError };
  children(value: T): ComponentChildren;
}

/** What was asked for, once it is there, and what the API refused. */
export function Answer<T>({ of: { value, error }, children }: AnswerProps<T>) {
  return (
    <>
      {error && <Refusal of={error} />}
      {value === undefined ? !error && <Loading /> : children(value)}
    </>
  );
}

/** A region that scrolls sideways, with the keyboard too. */
export function Scroll({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reached by the keyboard.
    <section class="scroll" tabIndex={0} aria-label={`${label}, scrolls sideways`}>
      {children}
    </section>
  );
}

export function Copy({ text, label }: { text: string; label: string }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setDone(true);
    setTimeout(() => setDone(false), 1500);
  };
  return (
    <button type="button" class="quiet" aria-label={label} title={label} onClick={() => void copy()}>
      {done ? 'Copied' : 'Copy'}
    </button>
  );
}

/** A figure of some weight, with what it is. */
export function Figure({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <div class="figure">
      <span class="figure-value">{children}</span>
      <span class="figure-label">{label}</span>
    </div>
  );
}
