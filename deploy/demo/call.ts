import http from 'node:http';

export interface Answer {
  status: number;
  body: unknown;
}

export interface CallOptions {
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: unknown;
}

const callTimeoutMs = 3_000;
const bodyBytesMax = 64 * 1024;

// One connection per call: at a demo's rates that costs nothing, and no call can meet a kept connection that its server is just closing.
const agent = new http.Agent({ keepAlive: false });

/** Calls with a JSON body and reads a JSON answer, whatever its status. Rejects where nobody answers in time. */
export function call(url: string, { method = 'GET', headers = {}, body }: CallOptions = {}): Promise<Answer> {
  const sent = body === undefined ? '' : JSON.stringify(body);
  const type = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(sent)) };
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers: { ...type, ...headers }, agent, timeout: callTimeoutMs }, (response) => {
      readJson(response).then((answered) => {
        resolve({ status: response.statusCode ?? 0, body: answered });
      }, reject);
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${callTimeoutMs} ms`)));
    request.on('error', reject);
    request.end(sent);
  });
}

/** The body of a request or an answer; undefined where it is empty or not JSON. Rejects past 64 KiB. */
export async function readJson(incoming: http.IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  for await (const part of incoming as AsyncIterable<Buffer>) {
    sizeBytes += part.length;
    if (sizeBytes > bodyBytesMax) throw new Error(`a body of more than ${bodyBytesMax} bytes`);
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}
