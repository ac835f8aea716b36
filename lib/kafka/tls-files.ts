/** The certificate files of a TLS connection, read again when they change. */
import { readFileSync, statSync } from 'node:fs';
import type { SecureContext } from 'node:tls';
import { KafkaError, type KafkaTlsFiles } from './types.ts';

export class TlsFiles {
  private readonly files: KafkaTlsFiles;
  /** The files' times and sizes when `context` was made of them; null before the first time. */
  private made: { stamp: string; context: SecureContext; version: number } | null = null;

  constructor(files: KafkaTlsFiles) {
    this.files = files;
  }

  /**
   * What the files say now; `version` goes up when that is something new. Files that are being replaced and do not fit together at the moment leave
   * what was read before in force.
   * @throws KafkaError TLS_FAILED where they have never been readable and fitting.
   */
  current(): { context: SecureContext; version: number } {
    try {
      const stamp = this.stamp();
      if (this.made === null || this.made.stamp !== stamp) this.made = { stamp, context: this.make(), version: (this.made?.version ?? 0) + 1 };
    } catch (error) {
      if (this.made === null) throw new KafkaError('TLS_FAILED', (error as Error).message, { cause: error });
    }
    return this.made;
  }

  private stamp(): string {
    return [this.files.caPath, this.files.certPath, this.files.keyPath]
      .map(path => {
        if (path === null) return '';
        const { mtimeMs, size, ino } = statSync(path);
        return `${mtimeMs} ${size} ${ino}`;
      })
      .join(',');
  }

  /** Throws where a file is no PEM, or certificate and key are of different pairs. */
  private make(): SecureContext {
    const { caPath, certPath, keyPath } = this.files;
    const read = (path: string | null): Buffer | undefined => (path === null ? undefined : readFileSync(path));
    // Loaded here, so that who speaks no TLS does not pay its 5 MB.
    return process.getBuiltinModule('node:tls').createSecureContext({ ca: read(caPath), cert: read(certPath), key: read(keyPath) });
  }
}
