/** Pipes as the work of `ship -` and `run`. */
import { hostname } from 'node:os';
import { originWith } from '../shipper/file-source.ts';
import { shipPipes } from '../shipper/pipe-shipper.ts';
import type { Pipe } from '../shipper/pipe-stream.ts';
import type { Origin } from '#schemas/event.ts';
import type { Options } from '#schemas/options.ts';
import type { Work, WorkParts } from './shipping.ts';

export const noOrigin: Origin = { service: null, container: null, pod: null, namespace: null, node: null };

/** Names of this machine's pipes begin with it. */
export function pipeSourceId({ sourceId }: Pick<Options, 'sourceId'>): string {
  return sourceId ?? hostname();
}

export function stdinPipe(options: Options): Pipe {
  return { stream: process.stdin, source: `${pipeSourceId(options)}/stdin`, origin: originWith({ ...noOrigin, service: 'stdin' }, options), path: 'stdin' };
}

/** The pipes are read at once: whoever writes into them must not wait for a broker. */
export function pipeWork(pipes: readonly Pipe[], { options, transport, log, clock, codec, redact }: WorkParts): Work {
  const shipping = shipPipes({ pipes, options, transport, log, clock, codec, redact });
  return { started: Promise.resolve(), finished: shipping.finished, balances: () => shipping.status(), problems: () => [], counts: () => null, stop: () => shipping.stop() };
}
