/** The intake over a store that others write to as well, once that store can be read; tried for as long as it takes. */
import { KafkaError } from '#lib/kafka/types.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { AsyncStoreWriter } from '#schemas/store.ts';
import type { FirstSight } from './first-sight.ts';
import { CollectorIntake } from './intake.ts';
import type { CollectorParts } from './parts.ts';

export interface SharedIntakeParts extends Pick<CollectorParts, 'options' | 'rules' | 'log' | 'clock' | 'onCommitted'> {
  writer: AsyncStoreWriter;
  sight: FirstSight;
  /** Whether nobody else has anything of the streams under way. */
  isOnlyOwner: boolean;
  /** Gives up. */
  signal: AbortSignal;
  onTrouble?: (message: string) => void;
  /** What else has to be known, after the store is read. */
  alsoNeeded?: () => Promise<void>;
}

const retryDelayMs = 1000;

/** Null where it was given up. @throws whatever no later attempt would mend */
export async function openSharedIntake({ writer, sight, isOnlyOwner, signal, onTrouble, alsoNeeded, ...parts }: SharedIntakeParts): Promise<CollectorIntake | null> {
  for (let said: string | null = null; !signal.aborted; ) {
    try {
      await writer.open();
      await alsoNeeded?.();
      if (signal.aborted) return null;
      const intake = new CollectorIntake({ writer, ...parts });
      sight.guard(intake, isOnlyOwner);
      return intake;
    } catch (error) {
      if (!(error instanceof KafkaError) && !(error instanceof LeadlineError)) throw error;
      if (signal.aborted) return null;
      if (said !== error.message) parts.log.error({ event: 'collectingNotBegun', code: error.code }, error.message);
      said = error.message;
      onTrouble?.(said);
      await parts.clock.sleep(retryDelayMs, signal);
    }
  }
  return null;
}
