// Preloaded into a part under test: its wall clock stands as many milliseconds beside the machine's as a file says, and steps when the file changes.
// Monotonic clocks and the kernel's own times stay, as they do when somebody sets a real clock.
import { readFileSync } from 'node:fs';

const file = process.env.CAMPAIGN_CLOCK_FILE;
const RealDate = Date;
let offsetMs = 0;

function look() {
  try {
    offsetMs = Number(readFileSync(file, 'utf8')) || 0;
  } catch {
    // As when there is no file descriptor left: the clock stays as it was.
  }
}

if (file !== undefined) {
  look();
  setInterval(look, 50).unref();
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [target.now() + offsetMs] : args, newTarget),
    apply: target => new target(target.now() + offsetMs).toString(),
    get: (target, name, receiver) => (name === 'now' ? () => target.now() + offsetMs : Reflect.get(target, name, receiver)),
  });
}
