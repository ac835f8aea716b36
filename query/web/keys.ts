/** Keyboard shortcuts. The shown view adds its own; while someone types in a field, only Escape is ours. */
import { useEffect } from 'preact/hooks';

export type KeyActions = Record<string, () => void>;

const listeners: KeyActions[] = [];

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

export function startKeys(): void {
  document.addEventListener('keydown', event => {
    if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey) return;
    if (isTyping(event.target)) {
      if (event.key === 'Escape') (event.target as HTMLElement).blur();
      return;
    }
    if (document.querySelector('dialog[open]') !== null) return;
    const action = listeners.findLast(actions => event.key in actions)?.[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  });
}

/** The view's keys while it is shown. The latest closures are used, so `actions` may be made anew on every draw. */
export function useKeys(actions: KeyActions): void {
  useEffect(() => {
    listeners.push(actions);
    return () => void listeners.splice(listeners.indexOf(actions), 1);
  });
}

/** `j` and `k` through links and buttons marked `data-row` in a list that is drawn whole. */
export function useRowKeys(): void {
  const move = (step: 1 | -1): void => {
    const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')];
    const at = rows.findIndex(row => row === document.activeElement);
    rows[at === -1 ? (step === 1 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + step))]?.focus();
  };
  useKeys({ j: () => move(1), k: () => move(-1) });
}
