/** What the demo's parent and its services tell each other over the IPC channel. */
import type { DemoService } from './names.ts';

/** Where each service listens, as `http://127.0.0.1:PORT`. */
export type Addresses = Partial<Record<DemoService, string>>;

export type Command =
  | { type: 'meet'; addresses: Addresses }
  /** Fail every request from now on for this long, then heal. */
  | { type: 'fail'; forMs: number }
  | { type: 'stop' };

export type ToService = { id: number } & Command;

export type FromService = { type: 'listening'; port: number } | { type: 'done'; id: number };
