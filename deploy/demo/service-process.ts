import { fork, type ChildProcess } from 'node:child_process';
import { extname, join } from 'node:path';
import type { DemoLog } from './demo-log.ts';
import type { Command, FromService, ToService } from './messages.ts';
import type { DemoService } from './names.ts';

const entry = join(import.meta.dirname, `service${extname(import.meta.filename)}`);
const heapMegabytesMax = 64;
const complaintCharsMax = 4_000;

export interface ServiceEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** One service as a process of its own, in the demo's folder `dir`. It exists from the constructor on; `listening` says when it can be called. */
export class ServiceProcess {
  readonly name: DemoService;
  readonly pid: number | undefined;
  /** Resolves with `http://127.0.0.1:PORT`; rejects where the process ends first. */
  readonly listening: Promise<string>;
  readonly ended: Promise<ServiceEnd>;
  /** Null until `listening` has resolved. */
  address: string | null = null;
  readonly #child: ChildProcess;
  readonly #unanswered = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  #lastId = 0;

  constructor(name: DemoService, dir: string, log: DemoLog) {
    this.name = name;
    const child = fork(entry, [name, join(dir, 'logs')], {
      // From the second start on the types need not be stripped again, which saves each process some 15 MB and half of its start.
      env: { NODE_COMPILE_CACHE: join(dir, 'compile-cache'), ...process.env },
      execArgv: ['--no-warnings', `--max-old-space-size=${heapMegabytesMax}`],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child = child;
    this.pid = child.pid;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log.error({ event: 'demoServiceComplained', service: name, text: text.slice(0, complaintCharsMax) }, 'a demo service has a bug');
    });
    this.ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
      child.once('error', () => resolve({ code: null, signal: null }));
    });
    this.listening = new Promise((resolve, reject) => {
      child.on('message', (message: FromService) => {
        if (message.type === 'listening') resolve((this.address = `http://127.0.0.1:${message.port}`));
        else this.#settle(message.id)?.resolve();
      });
      void this.ended.then(({ code, signal }) => reject(new Error(`the demo service ${name} ended (${signal ?? code ?? 'not started'}) before it listened`)));
    });
    this.listening.catch(() => undefined);
    void this.ended.then(() => {
      for (const id of [...this.#unanswered.keys()]) this.#settle(id)?.reject(new Error(`the demo service ${name} ended`));
    });
  }

  /** Resolves when the service has done what it was told; a service told to stop may still have work to finish. Rejects where it is gone. */
  tell(command: Command): Promise<void> {
    const id = ++this.#lastId;
    const message: ToService = { id, ...command };
    return new Promise((resolve, reject) => {
      this.#unanswered.set(id, { resolve, reject });
      this.#child.send(message, (error) => {
        if (error !== null) this.#settle(id)?.reject(error);
      });
    });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #settle(id: number): { resolve: () => void; reject: (error: Error) => void } | undefined {
    const waiting = this.#unanswered.get(id);
    this.#unanswered.delete(id);
    return waiting;
  }
}
