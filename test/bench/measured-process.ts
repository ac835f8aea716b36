/** CPU and memory of a process as the kernel counts them, threads included, sampled so that a process that just ended is still known. */
import { readFileSync } from 'node:fs';

const ticksPerSecond = 100;

/** User and system time so far, all threads; null when the process is gone. */
export function cpuSecondsOf(pid: number): number | null {
  try {
    // Behind the name, which may hold spaces: state is field 3, utime 14, stime 15.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)!.split(' ');
    return fields[0] === 'Z' ? null : (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  } catch {
    return null;
  }
}

/** In MB (10^6): `VmHWM` is the peak, `VmRSS` now, `RssAnon` what is not file pages. */
export function memoryMbOf(pid: number, field: 'VmHWM' | 'VmRSS' | 'RssAnon'): number | null {
  try {
    const kB = new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return kB === undefined ? null : (Number(kB) * 1024) / 1e6;
  } catch {
    return null;
  }
}

/** CPU of the whole machine so far, idle time left out. */
export function machineCpuSeconds(): number {
  const [user, nice, system, , , irq, softIrq, steal] = /^cpu\s+(.*)$/m.exec(readFileSync('/proc/stat', 'latin1'))![1]!.split(' ').map(Number);
  return (user! + nice! + system! + irq! + softIrq! + steal!) / ticksPerSecond;
}

export class MeasuredProcess {
  readonly pid: number;
  cpuSeconds = 0;
  peakMb = 0;
  alive = true;

  constructor(pid: number) {
    this.pid = pid;
    this.sample();
  }

  sample(): void {
    const cpuSeconds = cpuSecondsOf(this.pid);
    this.alive = cpuSeconds !== null;
    if (cpuSeconds === null) return;
    this.cpuSeconds = cpuSeconds;
    this.peakMb = memoryMbOf(this.pid, 'VmHWM') ?? this.peakMb;
  }
}
