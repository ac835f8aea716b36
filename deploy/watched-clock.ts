import type { Clock, SteadyTime } from '#lib/clock.ts';

/** The system's clock, which knows when it was last asked (the loop of a shipper does at every turn) and whose waits do not outlive the work. */
export class WatchedClock implements Clock, SteadyTime {
  private askedMs = performance.now();
  private readonly timers = new Set<NodeJS.Timeout>();
  private ended = false;

  nowMs(): number {
    this.askedMs = performance.now();
    return Date.now();
  }

  steadyMs(): number {
    return (this.askedMs = performance.now());
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      if (signal?.aborted === true) {
        resolve();
        return;
      }
      const done = (): void => {
        clearTimeout(timer);
        this.timers.delete(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      if (this.ended) timer.unref();
      else this.timers.add(timer);
      signal?.addEventListener('abort', done, { once: true });
    });
  }

  /** Milliseconds since it was last asked. */
  quietMs(): number {
    return performance.now() - this.askedMs;
  }

  /** Whoever still waits no longer keeps the process alive. */
  end(): void {
    this.ended = true;
    for (const timer of this.timers) timer.unref();
  }
}
