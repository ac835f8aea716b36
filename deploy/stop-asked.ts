/** Resolves when the process is asked to end: Ctrl-C, or SIGTERM. */
export function stopAsked(): Promise<void> {
  return new Promise(resolve => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}
