/** A long list of which only the rows in sight are drawn. It scrolls with the page; one row may be open. */
import type { ComponentChildren, RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { rowTop, rowWindow, type RowHeights } from '../windowing.ts';

/** Brings a row into sight if it is not, clear of the header and chart that stay on top, and gives it the keyboard. */
export type ShowRow = (index: number, focus: boolean) => void;

/** Taken for an open detail's height until it has been measured. */
const detailPxGuess = 360;

interface RowListProps {
  label: string;
  count: number;
  rowPx: number;
  /** -1 for none. */
  open: number;
  row: (index: number) => ComponentChildren;
  detail: (index: number) => ComponentChildren;
  keyOf: (index: number) => string;
  showRow?: RefObject<ShowRow>;
  /** Pixels at the top of the window that something else covers. */
  coveredPx: () => number;
}

export function RowList({ label, count, rowPx, open, row, detail, keyOf, showRow, coveredPx }: RowListProps) {
  const list = useRef<HTMLDivElement>(null);
  const openDetail = useRef<HTMLDivElement>(null);
  const [detailPx, setDetailPx] = useState(0);
  const [view, setView] = useState({ fromPx: 0, heightPx: window.innerHeight });
  const heights: RowHeights = { count, rowPx, open, detailPx: open === -1 ? 0 : detailPx };
  const shown = rowWindow(heights, view.fromPx, view.heightPx);

  useLayoutEffect(() => {
    let frame = 0;
    const look = (): void => {
      frame = 0;
      const top = list.current?.getBoundingClientRect().top ?? 0;
      setView(before => (before.fromPx === -top && before.heightPx === window.innerHeight ? before : { fromPx: -top, heightPx: window.innerHeight }));
    };
    const soon = (): void => {
      if (frame === 0) frame = requestAnimationFrame(look);
    };
    look();
    window.addEventListener('scroll', soon, { passive: true });
    window.addEventListener('resize', soon);
    return () => {
      cancelAnimationFrame(frame);
      window.removeEventListener('scroll', soon);
      window.removeEventListener('resize', soon);
    };
  }, []);

  useLayoutEffect(() => {
    const element = openDetail.current;
    if (element === null) return;
    const measure = (): void => setDetailPx(element.offsetHeight);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [open, open >= shown.start && open < shown.end]);

  useEffect(() => {
    if (showRow === undefined) return;
    showRow.current = (index, focus) => {
      const element = list.current;
      if (element === null) return;
      const listTop = element.getBoundingClientRect().top + window.scrollY;
      const top = listTop + rowTop(heights, index);
      const covered = coveredPx();
      const room = window.innerHeight - covered;
      const sightTop = window.scrollY + covered;
      const sightBottom = window.scrollY + window.innerHeight;
      // An open row comes with its detail, as much of it as fits.
      const wantedPx = Math.min(room - rowPx * 2, rowPx + (index === open ? Math.max(detailPx, detailPxGuess) : 0));
      if (top < sightTop || top + wantedPx > sightBottom) {
        const far = top < sightTop - room || top > sightBottom + room;
        window.scrollTo(0, far && index !== open ? top - covered - room / 3 : top < sightTop ? top - covered - rowPx : top + wantedPx + rowPx - window.innerHeight);
      }
      if (!focus) return;
      const take = (): boolean => {
        const button = element.querySelector<HTMLElement>(`[data-index="${index}"] .row-main`);
        button?.focus({ preventScroll: true });
        return button !== null;
      };
      // At once where it is drawn, so that the next key is already its; a far row exists only after the scroll has been drawn.
      if (!take()) requestAnimationFrame(() => requestAnimationFrame(take));
    };
  });

  const rows: ComponentChildren[] = [];
  for (let index = shown.start; index < shown.end; index += 1) {
    rows.push(
      <div key={keyOf(index)} role="listitem" aria-posinset={index + 1} aria-setsize={count} data-index={index}>
        {row(index)}
        {index === open && <div ref={openDetail}>{detail(index)}</div>}
      </div>,
    );
  }
  return (
    <div class="rows" role="list" aria-label={label} ref={list} style={{ height: `${shown.totalPx}px` }}>
      <div style={{ transform: `translateY(${shown.topPx}px)` }}>{rows}</div>
    </div>
  );
}
