/** The sum that must hold for every stream: bytes written = stored + dropped + gap + lag. */
import type { StreamStatus } from '#schemas/http-api.ts';

export function droppedBytesOf(stream: Pick<StreamStatus, 'droppedBytes'>): number {
  return Object.values(stream.droppedBytes).reduce((sum, bytes) => sum + bytes, 0);
}

/** Bytes that nothing accounts for: 0 where the balance closes, negative where more is accounted for than was written. */
export function unaccountedBytes(stream: Pick<StreamStatus, 'sizeBytes' | 'storedBytes' | 'droppedBytes' | 'gapBytes' | 'lagBytes'>): number {
  return stream.sizeBytes - stream.storedBytes - droppedBytesOf(stream) - stream.gapBytes - stream.lagBytes;
}
