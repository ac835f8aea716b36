/** A shipper's `/metrics`. */
import { Metrics } from '#lib/metrics.ts';
import { shipperMetrics } from '#schemas/telemetry.ts';
import type { ShipperStatus } from './ship-status.ts';

const ofFiles = ['leadline_shipper_open_files', 'leadline_shipper_open_files_limit_hits_total', 'leadline_shipper_checkpoint_failures_total', 'leadline_shipper_checkpoint_age_seconds'] as const;

export class ShipMetrics {
  private readonly metrics = new Metrics(shipperMetrics);

  text({ totals, streams, problems, published, troubledBy, files }: ShipperStatus): string {
    const { metrics } = this;
    metrics.set('leadline_shipper_written_bytes', totals.writtenBytes);
    metrics.set('leadline_shipper_acknowledged_bytes', totals.acknowledgedBytes);
    metrics.set('leadline_shipper_in_flight_bytes', totals.inFlightBytes);
    metrics.set('leadline_shipper_unread_bytes', totals.unreadBytes);
    metrics.set('leadline_shipper_lag_bytes', totals.lagBytes);
    metrics.set('leadline_shipper_lag_seconds', totals.lagMs / 1000);
    if (totals.secondsToLoss === null) metrics.clear('leadline_shipper_seconds_to_loss');
    else metrics.set('leadline_shipper_seconds_to_loss', Math.round(totals.secondsToLoss));
    metrics.set('leadline_shipper_written_bytes_per_second', Math.round(totals.writtenBytesPerSecond));
    metrics.set('leadline_shipper_acknowledged_bytes_per_second', Math.round(totals.acknowledgedBytesPerSecond));
    for (const [cause, bytes] of Object.entries(totals.droppedBytes)) metrics.set('leadline_shipper_dropped_bytes', bytes, { cause });
    metrics.clear('leadline_shipper_streams');
    for (const { phase } of streams) metrics.count('leadline_shipper_streams', 1, { phase });
    metrics.clear('leadline_shipper_problems');
    for (const { code } of problems) metrics.count('leadline_shipper_problems', 1, { code });
    this.setFiles(files);
    metrics.total('leadline_shipper_published_chunks_total', published.chunks);
    metrics.total('leadline_shipper_published_bytes_total', published.bytes);
    metrics.total('leadline_shipper_retries_total', published.retries);
    metrics.set('leadline_shipper_transport_troubled', troubledBy === null ? 0 : 1);
    return metrics.text();
  }

  private setFiles(files: ShipperStatus['files']): void {
    const { metrics } = this;
    if (files === null) {
      for (const name of ofFiles) metrics.clear(name);
      return;
    }
    metrics.set('leadline_shipper_open_files', files.openFiles);
    metrics.total('leadline_shipper_open_files_limit_hits_total', files.openFilesLimitHits);
    metrics.total('leadline_shipper_checkpoint_failures_total', files.checkpointFailures);
    metrics.set('leadline_shipper_checkpoint_age_seconds', files.checkpointAgeMs / 1000);
  }
}
