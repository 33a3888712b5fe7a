/**
 * The frame of all pages: the bar with its links, which page is shown, and the dialog that asks for a key. `main.tsx`
 * mounts it. It holds no data.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { setKey, whenRefused } from './api.ts';
import { BackfillPage, BackfillsPage } from './backfills-page.tsx';
import { DataPage } from './data-page.tsx';
import { KeysPage } from './keys-page.tsx';
import { KeyDialog } from './parts/dialogs.tsx';
import { PipelinePage } from './pipeline-page.tsx';
import { PipelinesPage } from './pipelines-page.tsx';
import { href, type Route, useRoute } from './route.ts';
import { RunPage } from './run-page.tsx';
import { RunsPage } from './runs-page.tsx';
import { SequencesPage } from './sequences-page.tsx';

const areas = [
  ['runs', 'Runs'],
  ['backfills', 'Backfills'],
  ['pipelines', 'Pipelines'],
  ['sequences', 'Sequences'],
  ['keys', 'Keys'],
] as const;

/** Data belongs to a run. */
function areaOf({ segments: [first = 'runs'] }: Route): string {
  return first === 'data' ? 'runs' : first;
}

export function Shell() {
  const route = useRoute();
  const [asking, setAsking] = useState<'no' | 'first' | 'refused'>('no');
  const [opened, setOpened] = useState(0);
  const main = useRef<HTMLElement>(null);
  useEffect(() => whenRefused((hadKey) => setAsking(hadKey ? 'refused' : 'first')), []);
  const place = route.segments.join('/');
  const before = useRef(place);
  useEffect(() => {
    document.title = [titleOf(route), 'Ordinal'].join(' · ');
    // Another page: whoever listens or uses the keyboard begins at its top.
    if (before.current !== place) {
      before.current = place;
      scrollTo(0, 0);
      main.current?.focus({ preventScroll: true });
    }
  }, [place]);
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Go to the content
      </button>
      <header class="bar">
        <a class="brand" href={href(['runs'])}>
          <svg viewBox="0 0 32 32" width="20" height="20" aria-hidden="true" focusable="false">
            <rect x="4" y="18" width="6" height="10" rx="1" />
            <rect x="13" y="11" width="6" height="17" rx="1" />
            <rect x="22" y="4" width="6" height="24" rx="1" />
          </svg>
          Ordinal
        </a>
        <nav aria-label="Areas">
          {areas.map(([area, title]) => (
            <a key={area} href={href([area])} {...(areaOf(route) === area && { 'aria-current': 'page' as const })}>
              {title}
            </a>
          ))}
        </nav>
        <ThemeButton />
      </header>
      <main id="main" ref={main} tabIndex={-1} key={opened}>
        <Page route={route} />
      </main>
      {asking !== 'no' && (
        <KeyDialog
          key={asking}
          refused={asking === 'refused'}
          onKey={(key) => {
            setKey(key);
            setAsking('no');
            setOpened((n) => n + 1);
          }}
        />
      )}
    </>
  );
}

function Page({ route }: { route: Route }) {
  const [area = 'runs', name, ...others] = route.segments;
  switch (area) {
    case 'runs':
      return name === undefined ? <RunsPage query={route.query} /> : <RunPage key={name} runId={name} />;
    case 'backfills':
      return name === undefined ? <BackfillsPage /> : <BackfillPage key={name} id={name} />;
    case 'pipelines':
      return name === undefined ? <PipelinesPage /> : <PipelinePage key={name} name={name} />;
    case 'sequences':
      return <SequencesPage />;
    case 'keys':
      return <KeysPage {...(name !== undefined && { index: name })} />;
    case 'data':
      return <DataPage key={route.segments.join('/')} runId={name ?? ''} place={others} />;
    default:
      return (
        <div class="page">
          <h1>There is no such page</h1>
          <p>
            <a href={href(['runs'])}>See the runs</a>
          </p>
        </div>
      );
  }
}

function titleOf({ segments: [area = 'runs', name] }: Route): string {
  return name ?? areas.find(([one]) => one === area)?.[1] ?? 'Data';
}

const themes = ['auto', 'light', 'dark'] as const;
const THEME = 'ordinal-theme';

/** Sets the page's colours as they were chosen; otherwise the system decides. */
export function applyTheme(): void {
  const chosen = localStorage.getItem(THEME);
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
  else delete document.documentElement.dataset.theme;
}

function ThemeButton() {
  const [theme, setTheme] = useState(themes.find((one) => one === localStorage.getItem(THEME)) ?? 'auto');
  const next = themes[(themes.indexOf(theme) + 1) % themes.length]!;
  return (
    <button
      type="button"
      class="quiet theme"
      aria-label={`Colours: ${theme}. Change to ${next}.`}
      onClick={() => {
        localStorage.setItem(THEME, next);
        applyTheme();
        setTheme(next);
      }}
    >
      <span aria-hidden="true">{{ auto: '◐', light: '○', dark: '●' }[theme]}</span>
      <span class="theme-word">{{ auto: 'Auto', light: 'Light', dark: 'Dark' }[theme]}</span>
    </button>
  );
}
