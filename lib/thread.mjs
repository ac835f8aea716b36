// The first module of every thread: plain JavaScript, so that the compile cache is on before TypeScript is loaded. A thread does not inherit the
// cache, and without it loads a compiler of some 25 MB of its own.
import module from 'node:module';
import { workerData } from 'node:worker_threads';

const { compileCache, program, data } = workerData;
if (compileCache !== null) module.enableCompileCache(compileCache);
const { main } = await import(program);
await main(data);
