/** Starts a thread. Its program is a module that exports `main(data)`. */
import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { Worker, type Transferable } from 'node:worker_threads';

/** The young generation of a thread's heap. The default, 16 MB a half, is mostly empty room for what our threads do; this costs no measurable speed. */
const youngGenerationMbUsual = 6;

export interface ThreadOptions {
  transfer?: Transferable[];
  oldGenerationMb?: number;
  /** At most; it grows to it only where much that is young lives on. */
  youngGenerationMb?: number;
}

/** @param program URL of the module, as `new URL('./x-thread.ts', import.meta.url)` */
export function startThread(program: URL, data: unknown, { transfer = [], oldGenerationMb, youngGenerationMb = youngGenerationMbUsual }: ThreadOptions = {}): Worker {
  // What is in use is a folder for this Node and user inside the one that was asked for; turning the cache on appends it again.
  const inUse = getCompileCacheDir();
  return new Worker(new URL('./thread.mjs', import.meta.url), {
    workerData: { compileCache: inUse === undefined ? null : dirname(inUse), program: program.href, data },
    transferList: transfer,
    resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMb, ...(oldGenerationMb === undefined ? {} : { maxOldGenerationSizeMb: oldGenerationMb }) },
  });
}
