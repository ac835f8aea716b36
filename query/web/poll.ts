/** Asks again and again while the page can be seen: one question at a time, slower while the server is gone. */

const intervalMsWhileLost = 2000;

/**
 * Calls `ask` at once and then `intervalMs` after each answer; a hidden tab asks nothing, and asks at once when it is shown again.
 * @returns stops it and aborts the question under way.
 */
export function poll(ask: (abort: AbortSignal) => Promise<unknown>, intervalMs: number): () => void {
  const abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | null = null;
  let asking = false;

  async function once(): Promise<void> {
    if (asking || abort.signal.aborted || document.hidden) return;
    asking = true;
    if (timer !== null) clearTimeout(timer);
    let waitMs = intervalMs;
    try {
      await ask(abort.signal);
    } catch {
      // The connection strip says it; here it only means to ask again later.
      waitMs = Math.max(intervalMs, intervalMsWhileLost);
    }
    asking = false;
    if (!abort.signal.aborted) timer = setTimeout(() => void once(), waitMs);
  }
  const shown = (): void => void once();
  document.addEventListener('visibilitychange', shown);
  void once();
  return () => {
    abort.abort();
    if (timer !== null) clearTimeout(timer);
    document.removeEventListener('visibilitychange', shown);
  };
}
