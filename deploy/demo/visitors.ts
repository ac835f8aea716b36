/** The people in the shop: sessions of several requests each, at a steady mean rate, and a rush to the till while a service is made to fail. */
import { randomUUID } from 'node:crypto';
import { call } from './call.ts';
import { oneOf } from './pretend.ts';
import { products } from './products.ts';

/** Eight checkouts a second keep a failing service above five errors a second, with room for a slow machine. */
const rushVisitsPerSecond = 8;
const rushVisitsOpenMax = 64;

const userAgents = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36',
] as const;

interface Step {
  method: 'GET' | 'POST';
  path: string;
  body?: unknown;
}

/** What somebody does next; each step's status decides whether there is another. */
type Visit = Generator<Step, void, number>;

function* stroll(): Visit {
  yield { method: 'GET', path: '/' };
  for (let views = 1 + Math.floor(Math.random() * 3); views > 0; views--) {
    const { sku } = oneOf(products);
    yield { method: 'GET', path: `/products/${sku}` };
    if (Math.random() < 0.5 && (yield add(sku)) >= 400) return;
  }
  yield { method: 'GET', path: '/cart' };
  if (Math.random() < 0.7) yield* rush();
}

function* rush(): Visit {
  if ((yield add(oneOf(products).sku)) >= 400) return;
  yield { method: 'POST', path: '/checkout' };
}

function add(sku: string): Step {
  return { method: 'POST', path: '/cart', body: { sku, quantity: 1 + Math.floor(Math.random() * 3) } };
}

class Visitor {
  readonly #visit: Visit;
  readonly #headers = {
    cookie: `session=${randomUUID()}`,
    // From the block that is kept for documentation.
    'x-forwarded-for': `203.0.113.${1 + Math.floor(Math.random() * 254)}`,
    'user-agent': oneOf(userAgents),
  };
  #status = 0;
  busy = false;

  constructor(visit: Visit) {
    this.#visit = visit;
  }

  /** Makes one request. Resolves with false when the visit is over. */
  async step(edgeUrl: string): Promise<boolean> {
    const next = this.#visit.next(this.#status);
    if (next.done === true) return false;
    const { method, path, body } = next.value;
    this.busy = true;
    const answer = await call(edgeUrl + path, { method, headers: this.#headers, body }).catch(() => ({ status: 502 }));
    this.#status = answer.status;
    this.busy = false;
    return true;
  }
}

export class Visitors {
  readonly #edgeUrl: () => string | null;
  readonly #ratePerSecond: number;
  readonly #inShop: Visitor[] = [];
  readonly #open = new Set<Promise<unknown>>();
  #next: NodeJS.Timeout | undefined;
  #rush: NodeJS.Timeout | undefined;
  #rushEnd: NodeJS.Timeout | undefined;
  #rushUntilMs = 0;
  #stopped = false;

  /** `edgeUrl` gives null while the edge is starting; nobody comes then. `ratePerSecond` is the mean number of requests a second, 0 for nobody. */
  constructor(edgeUrl: () => string | null, ratePerSecond: number) {
    this.#edgeUrl = edgeUrl;
    this.#ratePerSecond = ratePerSecond;
    const visitors = Math.max(8, Math.ceil(ratePerSecond * 2));
    for (let count = 0; count < visitors; count++) this.#inShop.push(new Visitor(count % 2 === 0 ? stroll() : rush()));
    if (ratePerSecond > 0) this.#wait();
  }

  /** Sends eight people a second straight to the till for this long, besides the others. */
  rush(forMs: number): void {
    if (this.#stopped) return;
    this.#rushUntilMs = Math.max(this.#rushUntilMs, performance.now() + forMs);
    clearTimeout(this.#rushEnd);
    this.#rushEnd = setTimeout(() => {
      clearInterval(this.#rush);
      this.#rush = undefined;
    }, this.#rushUntilMs - performance.now());
    this.#rush ??= setInterval(() => {
      if (this.#open.size < rushVisitsOpenMax) this.#follow(this.#hurry(new Visitor(rush())));
    }, 1000 / rushVisitsPerSecond);
  }

  /** Nobody comes any more; resolves when the last request is answered. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#next);
    clearInterval(this.#rush);
    clearTimeout(this.#rushEnd);
    await Promise.all(this.#open);
  }

  /** Requests come as people do: independent of each other, so the time between two is exponential. */
  #wait(): void {
    this.#next = setTimeout(() => {
      this.#wait();
      this.#someone();
    }, (-Math.log(1 - Math.random()) * 1000) / this.#ratePerSecond);
  }

  #someone(): void {
    const url = this.#edgeUrl();
    const at = Math.floor(Math.random() * this.#inShop.length);
    // A busy one stands for a page that is still loading; the next in line takes the turn.
    const chosen = [...this.#inShop.keys()].map((step) => (at + step) % this.#inShop.length).find((index) => !this.#inShop[index]!.busy);
    if (url === null || chosen === undefined) return;
    this.#follow(this.#stepOrReplace(chosen, url));
  }

  async #stepOrReplace(index: number, url: string): Promise<void> {
    if (await this.#inShop[index]!.step(url)) return;
    const newcomer = new Visitor(stroll());
    this.#inShop[index] = newcomer;
    await newcomer.step(url);
  }

  async #hurry(visitor: Visitor): Promise<void> {
    for (;;) {
      const url = this.#edgeUrl();
      if (url === null || this.#stopped || !(await visitor.step(url))) return;
    }
  }

  #follow(visit: Promise<unknown>): void {
    this.#open.add(visit);
    void visit.finally(() => this.#open.delete(visit));
  }
}
