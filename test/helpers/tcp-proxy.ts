/**
 * A TCP proxy in front of one Kafka broker, with the network's faults under the test's hand. It understands just enough of Kafka's framing to
 * tell the answer to a produce request from others; TLS goes through as it is.
 */
import { createServer, connect, type Server, type Socket } from 'node:net';

const produceApiKey = 0;

interface Link {
  client: Socket;
  broker: Socket;
}

const tlsHandshakeByte = 0x16;

/** Cuts a byte stream into Kafka's frames: a length of four bytes, then the rest. */
class FrameCutter {
  private parts: Buffer[] = [];
  private bytesHeld = 0;
  private bytesNeeded = 4;

  /** Whole frames, length included. */
  add(more: Buffer): Buffer[] {
    this.parts.push(more);
    this.bytesHeld += more.length;
    if (this.bytesHeld < this.bytesNeeded) return [];
    let bytes = Buffer.concat(this.parts);
    const frames: Buffer[] = [];
    this.bytesNeeded = 4;
    while (bytes.length >= 4) {
      const end = 4 + bytes.readInt32BE(0);
      this.bytesNeeded = end;
      if (bytes.length < end) break;
      frames.push(bytes.subarray(0, end));
      bytes = bytes.subarray(end);
      this.bytesNeeded = 4;
    }
    this.parts = bytes.length === 0 ? [] : [bytes];
    this.bytesHeld = bytes.length;
    return frames;
  }
}

export class TcpProxy {
  readonly port: number;
  private readonly server: Server;
  private readonly target: { host: string; port: number };
  private readonly links = new Set<Link>();
  private refusing = false;
  private stalled = false;
  private answerDelayMs = 0;
  private readonly swallowing: (() => void)[] = [];

  private constructor(server: Server, port: number, target: { host: string; port: number }) {
    this.server = server;
    this.port = port;
    this.target = target;
    server.on('connection', client => this.link(client));
  }

  /** @param port 0 takes any free one */
  static async listen(port: number, target: { host: string; port: number }): Promise<TcpProxy> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    return new TcpProxy(server, (server.address() as { port: number }).port, target);
  }

  get connections(): number {
    return this.links.size;
  }

  /** Cuts every connection and refuses new ones until `pass`. */
  cut(): void {
    this.refusing = true;
    this.cutConnections();
  }

  /** Cuts every connection; new ones are taken. */
  cutConnections(): void {
    for (const link of this.links) this.drop(link);
  }

  /** Connections stay and new ones are taken, but no byte comes through in either direction until `pass`. */
  stall(): void {
    this.stalled = true;
    for (const { client, broker } of this.links) {
      client.pause();
      broker.pause();
    }
  }

  /** Everything works again, without delay. */
  pass(): void {
    this.refusing = false;
    this.stalled = false;
    this.answerDelayMs = 0;
    for (const { client, broker } of this.links) {
      client.resume();
      broker.resume();
    }
  }

  /** The broker's bytes come this much later. */
  delayAnswers(ms: number): void {
    this.answerDelayMs = ms;
  }

  /**
   * Takes the next answer to a produce request away and cuts its connection: the broker has appended and the producer does not learn of it.
   * Resolves when that has happened. Called several times, it swallows as many.
   */
  swallowProduceAnswer(): Promise<void> {
    return new Promise(resolve => this.swallowing.push(resolve));
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise<void>(resolve => {
      this.server.close(() => resolve());
    });
  }

  private link(client: Socket): void {
    if (this.refusing) {
      client.destroy();
      return;
    }
    const broker = connect({ ...this.target, noDelay: true });
    const link = { client, broker };
    this.links.add(link);
    client.setNoDelay(true);
    for (const socket of [client, broker]) {
      socket.on('error', () => this.drop(link));
      if (this.stalled) socket.pause();
    }
    // What one side said before it left still reaches the other.
    client.on('close', () => {
      this.links.delete(link);
      broker.destroySoon();
    });
    broker.on('close', () => {
      this.links.delete(link);
      if (this.answerDelayMs === 0) client.destroySoon();
      else setTimeout(() => client.destroySoon(), this.answerDelayMs);
    });
    let isTls = false;
    client.once('data', (bytes: Buffer) => {
      isTls = bytes[0] === tlsHandshakeByte;
    });
    const produces = new Set<number>();
    const requests = new FrameCutter();
    const answers = new FrameCutter();
    // A shorter delay lets no answer pass an earlier one.
    const delayed: { dueMs: number; frames: Buffer[] }[] = [];
    const writeDue = (): void => {
      while (delayed.length > 0 && delayed[0]!.dueMs <= performance.now()) for (const frame of delayed.shift()!.frames) if (!client.destroyed) client.write(frame);
      if (delayed.length > 0) setTimeout(writeDue, Math.max(1, delayed[0]!.dueMs - performance.now()));
    };
    client.on('data', (bytes: Buffer) => {
      for (const frame of isTls ? [] : requests.add(bytes)) if (frame.length >= 12 && frame.readInt16BE(4) === produceApiKey) produces.add(frame.readInt32BE(8));
      if (!broker.write(bytes)) {
        client.pause();
        broker.once('drain', () => {
          if (!this.stalled) client.resume();
        });
      }
    });
    broker.on('data', (bytes: Buffer) => {
      const forwarded: Buffer[] = isTls ? [bytes] : [];
      for (const frame of isTls ? [] : answers.add(bytes)) {
        const isProduceAnswer = frame.length >= 8 && produces.delete(frame.readInt32BE(4));
        const swallowed = isProduceAnswer ? this.swallowing.shift() : undefined;
        if (swallowed !== undefined) {
          this.drop(link);
          swallowed();
          return;
        }
        forwarded.push(frame);
      }
      delayed.push({ dueMs: performance.now() + this.answerDelayMs, frames: forwarded });
      if (delayed.length === 1) writeDue();
    });
  }

  private drop(link: Link): void {
    this.links.delete(link);
    link.client.destroy();
    link.broker.destroy();
  }
}
