/** Starts a thread. Its program is a module that exports `main(data)`. */
import { getCompileCacheDir } from 'node:module';
import { Worker, type Transferable } from 'node:worker_threads';

/** The young generation of a thread's heap. The default, 16 MB a half, is mostly empty room for what our threads do; this costs no measurable speed. */
const youngGenerationMb = 6;

export interface ThreadOptions {
  transfer?: Transferable[];
  oldGenerationMb?: number;
}

/** @param program URL of the module, as `new URL('./x-thread.ts', import.meta.url)` */
export function startThread(program: URL, data: unknown, { transfer = [], oldGenerationMb }: ThreadOptions = {}): Worker {
  return new Worker(new URL('./thread.mjs', import.meta.url), {
    workerData: { compileCache: getCompileCacheDir() ?? null, program: program.href, data },
    transferList: transfer,
    resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMb, ...(oldGenerationMb === undefined ? {} : { maxOldGenerationSizeMb: oldGenerationMb }) },
  });
}
