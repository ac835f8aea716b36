/** Certificates of a test's own authority, made with openssl. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface CertificatePair {
  certPath: string;
  keyPath: string;
}

export class TestAuthority {
  readonly caPath: string;
  private readonly folder: string;
  private readonly keyPath: string;
  private readonly name: string;

  constructor(folder: string, name = 'authority') {
    this.folder = folder;
    this.name = name;
    this.caPath = join(folder, `${name}.pem`);
    this.keyPath = join(folder, `${name}.key`);
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', `/CN=${name}`, '-keyout', this.keyPath, '-out', this.caPath);
  }

  /** A certificate for this name on this machine, and its key as PKCS#8. */
  issue(name: string): CertificatePair {
    const path = (suffix: string): string => join(this.folder, `${this.name}-${name}.${suffix}`);
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', `/CN=${name}`, '-keyout', path('key'), '-out', path('csr'));
    writeFileSync(path('ext'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
    openssl('x509', '-req', '-in', path('csr'), '-CA', this.caPath, '-CAkey', this.keyPath, '-CAcreateserial', '-days', '2', '-extfile', path('ext'), '-out', path('pem'));
    return { certPath: path('pem'), keyPath: path('key') };
  }

  /** Key and certificate in one file, as a broker wants its keystore. */
  keystore(name: string): string {
    const { certPath, keyPath } = this.issue(name);
    const path = join(this.folder, `${this.name}-${name}-store.pem`);
    writeFileSync(path, readFileSync(keyPath, 'utf8') + readFileSync(certPath, 'utf8'));
    return path;
  }
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
