/**
 * The pipeline as a graph, with what the run did on it: from the source to its entities, and from each entity to those
 * that it refers to. Boxes are text and can be read without the lines.
 */
import { graphlib, layout } from '@dagrejs/dagre';
import type { ComponentChildren } from 'preact';
import { formatBytes, formatCount, formatId, plural } from '../format.ts';
import { href } from '../route.ts';
import type { PipelineDetail, RunView } from '../types.ts';
import { useWidth } from './size.ts';
import { Link, Scroll, Section, Text } from './ui.tsx';

interface Node {
  id: string;
  lines: number;
  box: ComponentChildren;
}

interface Edge {
  from: string;
  to: string;
  reference: boolean;
}

const BOX_PX = 216;
const HEAD_PX = 34;
const LINE_PX = 18;
/** No entity has this name. */
const SOURCE = '(source)';

export function Graph({ run, pipeline }: { run: RunView; pipeline: PipelineDetail | undefined }) {
  const [ref, , width] = useWidth<HTMLDivElement>();
  if (!pipeline) return null;
  const nodes = [sourceNode(run, pipeline), ...pipeline.entities.map((entity) => entityNode(run, entity))];
  const edges: Edge[] = [
    ...pipeline.entities.map(({ name }) => ({ from: SOURCE, to: name, reference: false })),
    ...distinct(pipeline.references).map(({ from, to }) => ({ from, to, reference: true })),
  ];
  const drawn = draw(nodes, edges, width < 640);
  return (
    <Section
      title="What went where"
      class="graph"
      note="Full lines: rows of the source. Dashed lines: references, each to the entity whose IDs it holds."
    >
      <div ref={ref}>
        <Scroll label="Graph of the pipeline">
          <div class="graph-area" style={{ width: `${drawn.width}px`, height: `${drawn.height}px` }}>
            <svg width={drawn.width} height={drawn.height} aria-hidden="true" focusable="false">
              <defs>
                <marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
                  <path d="M0 0.5 8 4 0 7.5z" class="tip" />
                </marker>
              </defs>
              {drawn.lines.map(({ path, reference }, i) => (
                <path key={i} d={path} class={reference ? 'edge reference' : 'edge'} marker-end="url(#tip)" />
              ))}
            </svg>
            {nodes.map(({ id, box }) => {
              const { x, y, height } = drawn.places.get(id)!;
              return (
                <div
                  key={id}
                  class={`node ${id === SOURCE ? 'source' : ''}`}
                  style={{
                    left: `${x - BOX_PX / 2}px`,
                    top: `${y - height / 2}px`,
                    width: `${BOX_PX}px`,
                    height: `${height}px`,
                  }}
                >
                  {box}
                </div>
              );
            })}
          </div>
        </Scroll>
      </div>
    </Section>
  );
}

function distinct(references: PipelineDetail['references']): PipelineDetail['references'] {
  const seen = new Map(references.map((one) => [JSON.stringify([one.from, one.to]), one]));
  // An entity that refers to itself says so in its columns.
  return [...seen.values()].filter(({ from, to }) => from !== to);
}

function draw(nodes: readonly Node[], edges: readonly Edge[], narrow: boolean) {
  const graph = new graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: narrow ? 'TB' : 'LR', nodesep: 18, ranksep: narrow ? 34 : 70, marginx: 4, marginy: 4 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id, lines } of nodes) graph.setNode(id, { width: BOX_PX, height: HEAD_PX + lines * LINE_PX + 8 });
  edges.forEach(({ from, to, reference }, i) => {
    graph.setEdge(from, to, { reference }, String(i));
  });
  layout(graph);
  const places = new Map(nodes.map(({ id }) => [id, graph.node(id) as { x: number; y: number; height: number }]));
  const lines = graph.edges().map((edge) => {
    const { points = [], reference } = graph.edge(edge) as { points?: { x: number; y: number }[]; reference: boolean };
    return { path: smooth(points), reference };
  });
  // Edges may go beyond the boxes, which alone the layout counts.
  const points = graph
    .edges()
    .flatMap((edge) => (graph.edge(edge) as { points?: { x: number; y: number }[] }).points ?? []);
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  const beyond = (size: number, of: 'x' | 'y') => Math.ceil(Math.max(size, ...points.map((point) => point[of] + 6)));
  return { places, lines, width: beyond(width, 'x'), height: beyond(height, 'y') };
}

/** A line through the points, rounded at each. */
function smooth(points: readonly { x: number; y: number }[]): string {
  const [first, ...others] = points;
  if (!first) return '';
  let path = `M${first.x.toFixed(1)} ${first.y.toFixed(1)}`;
  others.forEach((point, i) => {
    const next = others[i + 1];
    if (!next) path += `L${point.x.toFixed(1)} ${point.y.toFixed(1)}`;
    else
      path += `Q${point.x.toFixed(1)} ${point.y.toFixed(1)} ${((point.x + next.x) / 2).toFixed(1)} ${((point.y + next.y) / 2).toFixed(1)}`;
  });
  return path;
}

type Line = [string, ComponentChildren] | false | undefined;

function boxOf(
  title: ComponentChildren,
  kind: string,
  lines: readonly Line[],
): { lines: number; box: ComponentChildren } {
  const shown = lines.filter((line): line is [string, ComponentChildren] => Boolean(line));
  return {
    lines: shown.length,
    box: (
      <>
        <p class="node-head">
          {title}
          <span class="node-kind">{kind}</span>
        </p>
        <dl>
          {shown.map(([term, value]) => (
            <div key={term}>
              <dt>{term}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </>
    ),
  };
}

function sourceNode(run: RunView, pipeline: PipelineDetail): Node {
  const { source, rejected, routing, rowsTotal } = run;
  const skipped = source?.skipped?.count ?? 0;
  const place = `${pipeline.source.container}/${source?.prefix ?? pipeline.source.prefix}`;
  return {
    id: SOURCE,
    ...boxOf(<Text of={place} mono clip />, 'source', [
      rowsTotal !== undefined && ['rows', formatCount(rowsTotal)],
      source && ['files', formatCount(source.files)],
      skipped > 0 && ['skipped', plural(skipped, 'blob')],
      rejected && [
        'refused',
        <a key="r" href={href(['data', run.runId, 'refused'])}>
          {plural(rejected.rows, 'row')}
        </a>,
      ],
      routing && routing.keysOnly > 0 && ['gave keys alone', plural(routing.keysOnly, 'row')],
      routing && routing.unrouted > 0 && ['to no entity', plural(routing.unrouted, 'row')],
    ]),
  };
}

function entityNode(run: RunView, { name, kind }: PipelineDetail['entities'][number]): Node {
  const entity = run.entities?.find((one) => one.entity === name);
  const datasets = entity ? [entity, entity.unknown, entity.known, entity.changes] : [];
  const files = datasets.reduce((sum, dataset) => sum + (dataset?.fileCount ?? 0), 0);
  const bytes = datasets.reduce((sum, dataset) => sum + (dataset?.bytes ?? 0), 0);
  const title =
    entity && entity.fileCount > 0 ? (
      <Link to={['data', run.runId, name, 'new', 0]} of={name} clip />
    ) : (
      <Text of={name} clip />
    );
  return {
    id: name,
    ...boxOf(title, kind === 'keyed' ? 'keys' : 'rows', [
      entity && [kind === 'keyed' ? 'new keys' : 'rows', formatCount(entity.rows)],
      entity?.known && ['known keys', formatCount(entity.known.rows)],
      entity?.changes && ['changed keys', formatCount(entity.changes.rows)],
      entity && entity.rows > 0 && ['IDs', `${formatId(entity.firstId)} – ${formatId(entity.lastId)}`],
      entity && ['size', `${formatBytes(bytes)}, ${plural(files, 'file')}`],
    ]),
  };
}
