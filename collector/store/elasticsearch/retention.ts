/** Backing indices follow each other by age and size, and the oldest go. Done here, because not every server has a life cycle for indices. */
import { pathOf } from '#lib/elasticsearch/server.ts';
import { backingIndicesIn } from '#schemas/elasticsearch/backing-indices.ts';
import type { PatientServer } from './patient-server.ts';

export interface RetentionLimits {
  /** A backing index is followed by the next at this age or size of its primary shards. */
  rolloverMs: number;
  rolloverBytes: number;
  retentionMs: number;
  /** Of primary shards. */
  retentionBytesMax: number;
}

interface Settings {
  settings?: { index?: { creation_date?: string } };
}

export class Retention {
  private readonly patient: PatientServer;
  private readonly limits: RetentionLimits;

  constructor(patient: PatientServer, limits: RetentionLimits) {
    this.patient = patient;
    this.limits = limits;
  }

  /** Never the index that is written to. Returns what was let go. */
  async retain(dataStream: string, nowMs: number): Promise<{ files: number; bytes: number }> {
    const gone = { files: 0, bytes: 0 };
    const { rolloverMs, rolloverBytes, retentionMs, retentionBytesMax } = this.limits;
    const rolled = await this.patient.ask({ method: 'POST', path: pathOf(dataStream, '_rollover'), body: { conditions: { max_age: `${rolloverMs}ms`, max_size: `${rolloverBytes}b` } } }, 'begin a backing index', true);
    if (rolled.status >= 400) return gone;
    const indices = backingIndicesIn((await this.patient.ask({ method: 'GET', path: pathOf('_resolve', 'index', dataStream) }, 'list backing indices')).body, dataStream);
    const settings = (await this.patient.ask({ method: 'GET', path: pathOf(dataStream, '_settings') }, 'read backing indices')).body as Record<string, Settings>;
    const stats = (await this.patient.ask({ method: 'GET', path: pathOf(dataStream, '_stats', 'store') }, 'read backing indices')).body as { indices?: Record<string, { primaries?: { store?: { size_in_bytes?: number } } }> };
    const bytesOf = (index: string): number => stats.indices?.[index]?.primaries?.store?.size_in_bytes ?? 0;
    let total = indices.reduce((sum, index) => sum + bytesOf(index), 0);
    for (const [at, index] of indices.slice(0, -1).entries()) {
      // All of it had arrived when its successor began.
      const finishedMs = Number(settings[indices[at + 1]!]?.settings?.index?.creation_date ?? nowMs);
      if (finishedMs >= nowMs - retentionMs && total <= retentionBytesMax) break;
      const answer = await this.patient.ask({ method: 'DELETE', path: pathOf(index) }, 'let a backing index go', true);
      if (answer.status >= 400) break;
      total -= bytesOf(index);
      gone.files += 1;
      gone.bytes += bytesOf(index);
    }
    return gone;
  }
}
