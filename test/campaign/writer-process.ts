import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { WriterCommand, WriterReply, WriterRequest, WriterSpec } from './writer-protocol.ts';

/** A child with writers in it, and the handle to each. */
export class WriterProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (reply: WriterReply) => void>();
  #asked = 0;

  constructor() {
    this.#child = fork(join(import.meta.dirname, 'writer.ts'), { execArgv: ['--no-warnings'], stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env: { ...process.env, NODE_OPTIONS: '' } });
    this.#child.on('message', (reply: WriterReply) => {
      this.#waiting.get(reply.ask)?.(reply);
      this.#waiting.delete(reply.ask);
    });
    this.#child.on('exit', code => {
      for (const answer of this.#waiting.values()) answer({ ask: 0, n: 0, bytes: 0, problem: `the writer process ended with ${code}` });
    });
  }

  async add(spec: WriterSpec): Promise<WriterHandle> {
    const handle = new WriterHandle(spec, command => this.#tell(spec.name, command));
    await handle.tell({ do: 'add', spec });
    return handle;
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }

  #tell(writer: string, command: WriterCommand): Promise<WriterReply> {
    this.#asked += 1;
    const request: WriterRequest = { ask: this.#asked, writer, command };
    return new Promise(resolve => {
      this.#waiting.set(request.ask, resolve);
      this.#child.send(request);
    });
  }
}

export class WriterHandle {
  readonly spec: WriterSpec;
  readonly #send: (command: WriterCommand) => Promise<WriterReply>;
  /** Number of its last line, as of the last word from it. */
  n = 0;
  bytes = 0;

  constructor(spec: WriterSpec, send: (command: WriterCommand) => Promise<WriterReply>) {
    this.spec = spec;
    this.#send = send;
  }

  async tell(command: WriterCommand): Promise<void> {
    const reply = await this.#send(command);
    if (reply.problem !== null) throw new Error(`writer ${this.spec.name}, ${command.do}: ${reply.problem}`);
    this.n = reply.n;
    this.bytes = reply.bytes;
  }
}
