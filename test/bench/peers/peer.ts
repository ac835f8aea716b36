/** Something that puts a file's lines into a topic, started as its users start it, in its fast configuration and with acks=all and zstd. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

export interface PeerRun {
  /** Of this run alone: state, configuration. */
  folder: string;
  /** The lines. */
  file: string;
  lines: number;
  brokers: readonly string[];
  topic: string;
  /** Kafka's own tools. */
  classPath: string;
}

export interface Peer {
  name: string;
  /** `line`: one line a record. `chunk`: many, compressed by whoever sends, as `ll-codec` says. `zstd`: the same without headers. */
  recordHolds: 'line' | 'chunk' | 'zstd';
  /** How the end is seen: the child says `done`, or the topic's end offsets add up to the lines, or the last record ends where the file does. */
  endSeenBy: 'child' | 'offsets' | 'byteRange';
  /** False where it sends lines of its own choice instead of all lines of the file. */
  sendsTheFile: boolean;
  start(run: PeerRun): ChildProcess;
}

/** A child whose output is kept for a message, should it die. */
export function startPeer(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess & { output: string } {
  const child = Object.assign(spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NODE_OPTIONS: '', ...env } }), { output: '' });
  const keep = (data: Buffer): void => {
    child.output = (child.output + data.toString()).slice(-20_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  return child;
}

/** No drain, no goodbye: what is measured is over. */
export async function endPeer(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
