/**
 * The shown address as a signal. A push keeps how far the view was scrolled, so that going back lands where one left.
 */
import { computed, signal } from '@preact/signals';
import { formatRoute, parseRoute, type Route } from './route.ts';

const address = signal(location.pathname + location.search);

export const route = computed<Route>(() => {
  const url = new URL(address.value, location.origin);
  return parseRoute(url.pathname, url.search);
});

const scrollOf = (state: unknown): number =>
  typeof state === 'object' && state !== null && 'scrollPx' in state && typeof state.scrollPx === 'number' ? state.scrollPx : 0;

/** Opens an address of the page as a new entry of the history. */
export function openAddress(to: string): void {
  if (to === address.value) return;
  history.replaceState({ scrollPx: window.scrollY }, '');
  history.pushState({ scrollPx: 0 }, '', to);
  address.value = to;
  window.scrollTo(0, 0);
}

export function openRoute(to: Route): void {
  openAddress(formatRoute(to));
}

/** Changes the shown view's state without a new entry: what the back button should not step through. */
export function amendRoute(to: Route): void {
  const next = formatRoute(to);
  if (next === address.value) return;
  history.replaceState(history.state, '', next);
  address.value = next;
}

/** Lets plain links inside the page open without a reload. A click with a modifier is left to the browser. */
function followLink(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (link === null || link.target !== '' || link.origin !== location.origin || link.hasAttribute('download')) return;
  if (parseRoute(link.pathname, link.search).view === 'unknown') return;
  event.preventDefault();
  openAddress(link.pathname + link.search);
}

export function startRouter(): void {
  history.scrollRestoration = 'manual';
  window.addEventListener('popstate', event => {
    address.value = location.pathname + location.search;
    const scrollPx = scrollOf(event.state);
    // Two frames: the view is drawn in the first, its list has its height in the second.
    requestAnimationFrame(() => requestAnimationFrame(() => window.scrollTo(0, scrollPx)));
  });
  document.addEventListener('click', followLink);
}
