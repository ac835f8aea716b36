/** How one command line speaks to a demo that another started: a small server on this machine only, found through `demo.json` in its folder. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { call, readJson, type Answer } from './call.ts';

/** `service` fails `atMs` from now for `forMs`. */
export interface Burst {
  service: string;
  atMs: number;
  forMs: number;
}

export interface Control {
  close(): Promise<void>;
}

interface DemoFile {
  pid: number;
  controlUrl: string;
}

/** A minute more than a day: nobody plans further, and a timer takes less than 25 days. */
const burstMsMax = 86_460_000;

/** Listens on an ephemeral port and writes `demo.json`. `onBurst` may throw; the caller is told its message. */
export async function openControl(dir: string, onBurst: (burst: Burst) => void): Promise<Control> {
  const server = http.createServer((request, response) => {
    void answer(request, onBurst).then(({ status, body }) => {
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const path = demoFileOf(dir);
  const file: DemoFile = { pid: process.pid, controlUrl: `http://127.0.0.1:${port}` };
  writeFileSync(`${path}.new`, `${JSON.stringify(file)}\n`);
  renameSync(`${path}.new`, path);
  return {
    close: () => new Promise((resolve) => {
      rmSync(path, { force: true });
      server.close(() => resolve());
    }),
  };
}

async function answer(request: http.IncomingMessage, onBurst: (burst: Burst) => void): Promise<Answer> {
  const { pid } = process;
  // Only browsers send an origin, and no page has any business here.
  if (request.headers.origin !== undefined) return { status: 403, body: { pid, message: 'not for browsers' } };
  try {
    if (request.method === 'POST' && request.url === '/bursts') onBurst((await readJson(request)) as Burst);
    return { status: 200, body: { pid } };
  } catch (error) {
    return { status: 400, body: { pid, message: (error as Error).message } };
  }
}

/** The pid of the demo that runs in `dir`; null where none does. A file that a killed demo left behind names none. */
export async function runningDemoPid(dir: string): Promise<number | null> {
  return (await speak(dir, 'GET', '/'))?.pid ?? null;
}

/** Resolves with false where no demo runs in `dir`; rejects with the demo's words where it refuses. */
export async function requestBurst(dir: string, burst: Burst): Promise<boolean> {
  const answered = await speak(dir, 'POST', '/bursts', burst);
  if (answered?.message !== undefined) throw new Error(answered.message);
  return answered !== null;
}

/** Throws where a duration is not one. */
export function checkBurstTimes({ atMs, forMs }: Pick<Burst, 'atMs' | 'forMs'>): void {
  const usable = [atMs, forMs].every((ms) => typeof ms === 'number' && ms >= 0 && ms <= burstMsMax);
  if (!usable) throw new Error(`a burst starts and lasts between 0 and ${burstMsMax} ms`);
}

async function speak(dir: string, method: 'GET' | 'POST', path: string, body?: unknown): Promise<{ pid: number; message?: string } | null> {
  const file = readDemoFile(dir);
  if (file === null) return null;
  const answered = await call(file.controlUrl + path, { method, body }).catch(() => null);
  // After a kill -9 the port may belong to somebody else by now: only the process that wrote the file answers with its pid.
  const said = answered?.body as { pid?: unknown; message?: string } | undefined;
  return said?.pid === file.pid ? { pid: file.pid, message: said.message } : null;
}

function readDemoFile(dir: string): DemoFile | null {
  try {
    return JSON.parse(readFileSync(demoFileOf(dir), 'utf8')) as DemoFile;
  } catch {
    return null;
  }
}

function demoFileOf(dir: string): string {
  return join(dir, 'demo.json');
}
