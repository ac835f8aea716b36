/**
 * The request as a picture: a lane per service, a tick per line, idle stretches folded. Two canvases: the lines are drawn once per size and
 * colour scheme, the cursor on top with each move.
 */
import type { ReadonlySignal, Signal } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { serviceColour } from '../parts/show.tsx';
import { formatDuration, formatMark } from '../time-format.ts';
import { errorRank, nearestInLane, type LaneLayout } from './lanes.ts';
import { axisMarks, findFolds, layAxis, offsetNsAt, xOf, type TimeAxis } from './time-axis.ts';

const axisPx = 20;
/** Room left and right of the first and last tick. */
const marginPx = 8;
const markSpacingPx = 90;

interface LaneChartProps {
  layout: LaneLayout;
  folded: boolean;
  narrow: boolean;
  pointed: Signal<number | null>;
  current: ReadonlySignal<number | null>;
  /** A line of text about an event, for the tip at the pointer. */
  tipOf: (index: number) => string;
  onPick: (index: number) => void;
}

/** Prepares a canvas for drawing in CSS pixels. */
function clearCanvas(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D | null {
  const ratio = window.devicePixelRatio;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext('2d');
  context?.scale(ratio, ratio);
  return context;
}

/** Colours by variable name, as the sheet in force says. */
function colourReader(): (variable: string) => string {
  const style = getComputedStyle(document.documentElement);
  const read = new Map<string, string>();
  return variable => {
    let colour = read.get(variable);
    if (colour === undefined) {
      colour = style.getPropertyValue(variable).trim();
      read.set(variable, colour);
    }
    return colour;
  };
}

const rankColours = ['--level-none', '--level-trace', '--level-debug', '--level-info', '--level-warn', '--level-error', '--level-fatal'];

interface Geometry {
  axis: TimeAxis;
  width: number;
  height: number;
  lanePx: number;
  /** From a lane's top to the top of its ticks; a phone shows the service's name above them. */
  tickTop: number;
}

function drawLines(canvas: HTMLCanvasElement, layout: LaneLayout, geometry: Geometry): void {
  const { axis, width, height, lanePx, tickTop } = geometry;
  const context = clearCanvas(canvas, width, height);
  if (context === null) return;
  const colour = colourReader();
  const lanesBottom = layout.services.length * lanePx;
  const x = (offsetNs: number): number => marginPx + xOf(axis, offsetNs);

  context.font = '11px system-ui, sans-serif';
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  const { stepNs, marks } = axisMarks(axis, markSpacingPx);
  // A fold's length matters more than a mark: marks that would run into one stay without text.
  const taken = axis.segments.filter(segment => segment.folded).map(segment => {
    const half = context.measureText(formatDuration((segment.toNs - segment.fromNs) / 1e6)).width / 2 + 6;
    const middle = marginPx + (segment.fromX + segment.toX) / 2;
    return { from: middle - half, to: middle + half };
  });
  let lastTo = -Infinity;
  for (const mark of marks) {
    context.fillStyle = colour('--line');
    context.fillRect(Math.round(marginPx + mark.x), 0, 1, lanesBottom);
    const text = formatMark(mark.offsetNs, stepNs);
    const half = context.measureText(text).width / 2;
    const middle = Math.min(width - half - 1, Math.max(half + 1, marginPx + mark.x));
    if (middle - half < lastTo + 8 || taken.some(({ from, to }) => middle + half > from && middle - half < to)) continue;
    lastTo = middle + half;
    context.fillStyle = colour('--faint');
    context.fillText(text, middle, lanesBottom + axisPx / 2 + 1);
  }

  layout.eventsOf.forEach((events, lane) => {
    const top = lane * lanePx + tickTop;
    const tickPx = lanePx - tickTop - 4;
    const laneColour = colour(serviceColour(layout.services[lane]!).slice(4, -1));
    const first = x(layout.offsetsNs[events[0]!]!);
    const last = x(layout.offsetsNs[events[events.length - 1]!]!);
    context.globalAlpha = 0.16;
    context.fillStyle = laneColour;
    context.beginPath();
    context.roundRect(first - 3, top, last - first + 6, tickPx, 3);
    context.fill();
    context.globalAlpha = 1;
    // One tick per pixel column, the worst level wins: a hundred thousand lines cost no more than the chart is wide.
    const columns = new Uint8Array(Math.ceil(width) + 1);
    for (const index of events) {
      const column = Math.round(x(layout.offsetsNs[index]!));
      const rank = layout.rankOf[index]! + 1;
      if (rank > columns[column]!) columns[column] = rank;
    }
    for (const worst of [0, 1]) {
      columns.forEach((rankPlusOne, column) => {
        if (rankPlusOne === 0) return;
        const rank = rankPlusOne - 1;
        if (rank >= errorRank !== (worst === 1)) return;
        context.fillStyle = rank <= 3 ? laneColour : colour(rankColours[rank]!);
        const inset = rank >= errorRank ? 0 : rank >= 3 ? tickPx * 0.16 : tickPx * 0.28;
        const wide = rank >= errorRank ? 3 : 2;
        context.fillRect(column - wide / 2, top + inset, wide, tickPx - 2 * inset);
      });
    }
    context.fillStyle = colour('--line');
    if (lane > 0) context.fillRect(0, lane * lanePx - 1, width, 1);
  });

  for (const segment of axis.segments) if (segment.folded) drawFold(context, marginPx + segment.fromX, marginPx + segment.toX, lanesBottom, formatDuration((segment.toNs - segment.fromNs) / 1e6), colour);
}

/** A strip with a torn edge over all lanes, and the length of what is left out under it. */
function drawFold(context: CanvasRenderingContext2D, fromX: number, toX: number, bottom: number, length: string, colour: (variable: string) => string): void {
  const left = fromX + 5;
  const right = toX - 5;
  if (right <= left) return;
  context.fillStyle = colour('--fold');
  context.fillRect(left, 0, right - left, bottom);
  const middle = (left + right) / 2;
  const swing = Math.min(4, (right - left) / 3);
  context.strokeStyle = colour('--faint');
  context.lineWidth = 1.25;
  context.beginPath();
  for (let y = 0, n = 0; y <= bottom; y += 5, n += 1) context.lineTo(middle + (n % 2 === 0 ? -swing : swing), y);
  context.stroke();
  const half = context.measureText(length).width / 2 + 3;
  context.fillStyle = colour('--panel');
  context.fillRect(middle - half, bottom + 3, half * 2, axisPx - 4);
  context.fillStyle = colour('--text');
  context.fillText(length, middle, bottom + axisPx / 2 + 1);
}

export function LaneChart({ layout, folded, narrow, pointed, current, tipOf, onPick }: LaneChartProps) {
  const room = useRef<HTMLDivElement>(null);
  const lines = useRef<HTMLCanvasElement>(null);
  const cursor = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const [scheme, setScheme] = useState(0);
  const lanePx = narrow ? 34 : layout.services.length > 12 ? 19 : 25;
  const height = layout.services.length * lanePx + axisPx;

  const geometry = useMemo<Geometry>(() => {
    const folds = folded ? findFolds(layout.offsetsNs) : [];
    return { axis: layAxis(layout.spanNs, folds, Math.max(1, width - 2 * marginPx)), width, height, lanePx, tickTop: narrow ? 17 : 3 };
  }, [layout, folded, width, height, narrow]);

  useLayoutEffect(() => {
    const element = room.current!;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    setWidth(element.clientWidth);
    const media = matchMedia('(prefers-color-scheme: dark)');
    const change = (): void => setScheme(before => before + 1);
    media.addEventListener('change', change);
    return () => {
      observer.disconnect();
      media.removeEventListener('change', change);
    };
  }, []);
  useLayoutEffect(() => {
    if (width > 0) drawLines(lines.current!, layout, geometry);
  }, [layout, geometry, scheme]);

  const [at, chosen] = [pointed.value, current.value];
  useEffect(() => {
    if (width === 0) return;
    const context = clearCanvas(cursor.current!, width, height);
    if (context === null) return;
    const colour = colourReader();
    for (const [index, variable, alpha] of [[chosen, '--accent', 0.55], [at, '--text', 0.9]] as const) {
      if (index === null || index >= layout.offsetsNs.length) continue;
      const x = marginPx + xOf(geometry.axis, layout.offsetsNs[index]!);
      const top = layout.laneOf[index]! * lanePx;
      context.globalAlpha = alpha * 0.5;
      context.fillStyle = colour(variable);
      context.fillRect(x - 0.5, 0, 1, height - axisPx);
      context.globalAlpha = alpha;
      context.lineWidth = 1.5;
      context.strokeStyle = colour(variable);
      context.strokeRect(x - 4, top + geometry.tickTop - 1, 8, lanePx - geometry.tickTop - 2);
    }
  }, [at, chosen, geometry, scheme]);

  const eventAt = (event: MouseEvent): number | null => {
    const box = cursor.current!.getBoundingClientRect();
    const lane = Math.min(layout.services.length - 1, Math.max(0, Math.floor((event.clientY - box.top) / lanePx)));
    return nearestInLane(layout, lane, offsetNsAt(geometry.axis, event.clientX - box.left - marginPx));
  };
  const [overChart, setOverChart] = useState(false);
  const tipX = at === null || at >= layout.offsetsNs.length ? 0 : marginPx + xOf(geometry.axis, layout.offsetsNs[at]!);
  const errors = layout.errors.length;
  return (
    <div class={`chart${narrow ? ' chart-narrow' : ''}`}>
      <ol class="lane-names" style={{ '--lane': `${lanePx}px` }}>
        {layout.services.map(service => <li key={service} style={{ '--c': serviceColour(service) }} title={service}><span>{service}</span></li>)}
      </ol>
      <div
        class="lanes" ref={room} style={{ height: `${height}px` }} role="img"
        aria-label={`${layout.offsetsNs.length} lines of ${layout.services.length} services over ${formatDuration(layout.spanNs / 1e6)}, ${errors === 0 ? 'no errors' : `${errors} errors`}. The same lines follow as a list.`}
        onPointerMove={event => { setOverChart(true); pointed.value = eventAt(event); }}
        onPointerLeave={() => { setOverChart(false); pointed.value = null; }}
        onClick={event => { const index = eventAt(event); if (index !== null) onPick(index); }}
      >
        <canvas ref={lines} style={{ width: `${width}px`, height: `${height}px` }} />
        <canvas ref={cursor} style={{ width: `${width}px`, height: `${height}px` }} />
        {overChart && at !== null && at < layout.offsetsNs.length && (
          <div class="tip" style={tipX < width / 2 ? { left: `${tipX + 10}px` } : { right: `${width - tipX + 10}px` }} aria-hidden="true">{tipOf(at)}</div>
        )}
      </div>
    </div>
  );
}
