/** Lets everything that is ready happen: sockets, timers, answers. */
export function breath(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}
