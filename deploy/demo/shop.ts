/** The rooms every service of the demo is built in: what it is given, and what it gives back. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Answer, CallOptions } from './call.ts';
import type { DemoService } from './names.ts';
import type { RotatingLog } from './rotating-log.ts';

export interface Surroundings {
  /** A log file in the service's own folder. */
  logFile: (name: string) => RotatingLog;
  /** Rejects with an `UpstreamError` where the service cannot be reached or answers 500 and above. */
  ask: (service: DemoService, path: string, options?: CallOptions) => Promise<Answer>;
  /** Where the service listens; an address that refuses where that is not known. */
  addressOf: (service: DemoService) => string;
  /** True while the service has been told to fail. */
  outage: { active: boolean };
}

export interface Incoming {
  method: string;
  /** Begins with a slash; the query is cut off. */
  path: string;
  headers: IncomingHttpHeaders;
  body: unknown;
}

export interface Service {
  answer(request: Incoming): Promise<Answer>;
  /** Finishes what was accepted and not yet done. */
  drain?(): Promise<void>;
}

export type OpenService = (surroundings: Surroundings) => Service;

export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  readonly service: DemoService;

  constructor(service: DemoService, what: string, options?: ErrorOptions) {
    super(`${service} ${what}`, options);
    this.service = service;
  }
}

export interface CartItem {
  sku: string;
  quantity: number;
}

/** The value of a header that is sent once; undefined where it is missing. */
export function headerOf(request: Incoming, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

export const notFound: Answer = { status: 404, body: { message: 'not found' } };
