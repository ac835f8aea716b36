/**
 * A command whose output is shipped: both its outputs go on unchanged to ours, and as two streams of two sources to the transport. The child's
 * signals come from us, our exit code from it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { LeadlineError, systemCodeOf } from '#schemas/errors.ts';
import type { Origin } from '#schemas/event.ts';
import { shipPipes, type PipeShipping, type PipesParts } from './pipe-shipper.ts';

/** Passed on to the child. SIGKILL and SIGSTOP reach nobody else. */
export const forwardedSignals = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

/** Of each output that neither the transport nor our own output has taken yet; then the child's writes block. */
export const childBufferBytesMax = 4 * 1024 * 1024;

export interface ChildParts extends Omit<PipesParts, 'pipes'> {
  command: string;
  args: readonly string[];
  /** The sources are `<source>/stdout` and `<source>/stderr`. */
  source: string;
  origin: Origin;
  stdout?: Writable;
  stderr?: Writable;
}

export interface RunningChild {
  readonly shipping: PipeShipping;
  /** The child's exit code, 128 + n where signal n ended it; resolves when it is gone and both outputs are read, not when they are acknowledged. */
  readonly exited: Promise<number>;
}

/** Starts the command. @throws LeadlineError COMMAND_NOT_STARTED */
export async function runChild({ command, args, source, origin, stdout = process.stdout, stderr = process.stderr, ...parts }: ChildParts): Promise<RunningChild> {
  const child = spawn(command, args, { stdio: ['inherit', 'pipe', 'pipe'] });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', error => reject(new LeadlineError('COMMAND_NOT_STARTED', { command, systemCode: systemCodeOf(error) ?? 'unknown' }, { cause: error })));
  });
  const unhook = forwardSignals(child);
  const pipeOf = (name: string, from: Readable, own: Writable): { stream: Readable; source: string; origin: Origin; path: string } => ({ stream: tee(from, own), source: `${source}/${name}`, origin, path: name });
  // What a program prints is shipped as it is, whatever it is.
  const shipping = shipPipes({ ...parts, options: { ...parts.options, includeBinary: true }, pipes: [pipeOf('stdout', child.stdout, stdout), pipeOf('stderr', child.stderr, stderr)] });
  const exited = new Promise<number>(resolve => {
    // `close` comes after `exit` and the end of both outputs.
    child.once('close', (code, signal) => {
      unhook();
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
  return { shipping, exited };
}

function forwardSignals(child: ChildProcess): () => void {
  // A terminal sends its own to everybody in the foreground: the child has had them.
  const fromTerminal = process.stdin.isTTY ? ['SIGINT', 'SIGQUIT', 'SIGHUP'] : [];
  const hooks = forwardedSignals.map(signal => {
    const forward = (): void => {
      if (!fromTerminal.includes(signal)) child.kill(signal);
    };
    process.on(signal, forward);
    return () => process.off(signal, forward);
  });
  return () => {
    for (const unhook of hooks) unhook();
  };
}

/** What comes from the child, twice: as it is to our own output, and as a stream to be shipped. The slower of the two sets the pace. */
function tee(from: Readable, own: Writable): Readable {
  const shipped = new PassThrough({ highWaterMark: childBufferBytesMax });
  const full = new Set<Writable>();
  let ownIsGone = false;
  const go = (writable: Writable): void => {
    full.delete(writable);
    if (full.size === 0) from.resume();
  };
  const offer = (writable: Writable, piece: Buffer): void => {
    if (writable.write(piece) || full.has(writable)) return;
    full.add(writable);
    from.pause();
    writable.once('drain', () => go(writable));
  };
  // Whoever read our output went away: the child goes on, and so does the shipping.
  own.on('error', () => {
    ownIsGone = true;
    go(own);
  });
  from.on('data', (piece: Buffer) => {
    if (!ownIsGone) offer(own, piece);
    if (!shipped.destroyed) offer(shipped, piece);
  });
  // Stopped shipping must not stop the child.
  shipped.once('close', () => go(shipped));
  from.once('end', () => shipped.end());
  from.once('error', () => shipped.end());
  return shipped;
}
