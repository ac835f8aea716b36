/**
 * Real containers and pods through podman, built from the base images that a public Dockerfile names. `containersMissing` says why there are none here;
 * `.ci/containers.sh` sets them up on a bare Debian.
 */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { stringify } from 'yaml';

const root = join(import.meta.dirname, '../..');
export const baseImage = 'docker.io/library/node:24-bookworm-slim';
/** The image under test. */
export const leadlineImage = 'localhost/leadline:test';

async function podman(...args: string[]): Promise<string> {
  return (await promisify(execFile)('podman', args, { maxBuffer: 64 * 1024 * 1024 })).stdout.trim();
}

/** Why no container can be run here, or null. Where CI is set its absence is an error, not a reason to skip. */
export function containersMissing(): string | null {
  let missing: string | null = null;
  try {
    execFileSync('podman', ['info'], { stdio: 'ignore' });
    execFileSync('podman', ['image', 'exists', baseImage], { stdio: 'ignore' });
  } catch (error) {
    missing = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'needs podman' : `needs a podman that works and the image ${baseImage}`;
  }
  if (missing !== null && process.env['CI'] !== undefined) throw new Error(`containers: ${missing}; run .ci/containers.sh`);
  return missing;
}

/** Builds the image from the working tree, as its first lines tell a person to. Fast when nothing changed. */
export async function buildImage(): Promise<void> {
  await podman('build', '--quiet', '--network', 'host', '--file', join(root, 'deploy', 'Dockerfile'), '--tag', leadlineImage, root);
}

export async function imageMb(): Promise<{ whole: number; base: number }> {
  const [whole, base] = (await podman('image', 'inspect', '--format', '{{.Size}}', leadlineImage, baseImage)).split('\n').map(size => Number(size) / 1e6);
  return { whole: whole!, base: base! };
}

/** Runs the image on a read-only root with nothing but a data volume until it says `running`, then ends it. @returns its exit code and both outputs */
export async function runImage(args: readonly string[], running: RegExp, env: Readonly<Record<string, string>> = {}): Promise<{ code: number; output: string }> {
  const name = `leadline-run-${process.pid}`;
  const variables = Object.entries(env).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
  try {
    await podman('run', '--detach', '--name', name, '--read-only', '--network', 'none', '--memory', '512m', '--cap-drop', 'all', ...variables, '--volume', `${name}:/data`, leadlineImage, ...args);
    const state = (): Promise<string> => podman('inspect', '--format', '{{.State.Status}} {{.State.ExitCode}}', name);
    while (!running.test(await logsOf(name)) && (await state()).startsWith('running')) await pause(200);
    await podman('stop', '--time', '20', name);
    return { code: Number((await state()).split(' ')[1]), output: await logsOf(name) };
  } finally {
    await podman('rm', '--force', '--time', '0', name).catch(() => undefined);
    await podman('volume', 'rm', '--force', name).catch(() => undefined);
  }
}

/** Both outputs, of all its starts. */
async function logsOf(container: string): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)('podman', ['logs', container], { maxBuffer: 64 * 1024 * 1024 });
  return stdout + stderr;
}

/** Kubernetes' objects as far as they are changed here. */
export interface Container {
  name: string;
  image: string;
  imagePullPolicy?: string;
  restartPolicy?: string;
  command?: string[];
  args?: string[];
  env?: { name: string; value?: string; valueFrom?: unknown }[];
  ports?: unknown;
  startupProbe?: unknown;
  livenessProbe?: unknown;
  readinessProbe?: unknown;
  resources?: { limits?: { memory?: string } };
  securityContext?: Record<string, unknown>;
  volumeMounts?: { name: string; mountPath: string; readOnly?: boolean }[];
}

export interface PodSpec {
  hostNetwork?: boolean;
  restartPolicy?: string;
  terminationGracePeriodSeconds?: number;
  initContainers?: Container[];
  containers: Container[];
  volumes?: { name: string; emptyDir?: unknown; hostPath?: { path: string; type?: string } }[];
  [more: string]: unknown;
}

/**
 * The pod that a Deployment or DaemonSet makes, as podman can play it. What podman 4 does not know is put in its place: a sidecar (an init container that
 * is always restarted) becomes an ordinary container, probes go (they need systemd; the test asks the endpoints itself), and of the downward API
 * namespace and node become plain values. Volumes get names of their own: podman keeps them side by side for all pods.
 */
export function playablePod(name: string, template: PodSpec): PodSpec {
  const spec = structuredClone(template);
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  spec.initContainers = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy !== 'Always');
  spec.containers = [...sidecars, ...spec.containers];
  spec.hostNetwork = true;
  spec.restartPolicy = 'Always';
  const playedValues: Record<string, string> = { 'metadata.namespace': 'shop', 'spec.nodeName': 'node-a' };
  for (const container of spec.containers) {
    for (const unknown of ['restartPolicy', 'ports', 'startupProbe', 'livenessProbe', 'readinessProbe'] as const) Reflect.deleteProperty(container, unknown);
    container.imagePullPolicy = 'Never';
    container.env = (container.env ?? []).map(variable => {
      const value = playedValues[(variable.valueFrom as { fieldRef?: { fieldPath: string } } | undefined)?.fieldRef?.fieldPath ?? ''];
      return value === undefined ? variable : { name: variable.name, value };
    });
    for (const mount of container.volumeMounts ?? []) mount.name = `${name}-${mount.name}`;
  }
  for (const volume of spec.volumes ?? []) volume.name = `${name}-${volume.name}`;
  return spec;
}

export class PlayedPod {
  readonly name: string;
  private readonly folder = mkdtempSync(join(tmpdir(), 'leadline-pod-'));
  private readonly spec: PodSpec;

  private constructor(name: string, spec: PodSpec) {
    this.name = name;
    this.spec = spec;
  }

  static async play(name: string, spec: PodSpec): Promise<PlayedPod> {
    const pod = new PlayedPod(name, spec);
    // One that a run left behind which was killed.
    await pod.clear(true);
    writeFileSync(pod.file, stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec }));
    try {
      await podman('kube', 'play', '--quiet', pod.file);
      for (const { name: container } of spec.containers) await pod.pidOf(container);
    } catch (error) {
      await pod.remove();
      throw error;
    }
    return pod;
  }

  private get file(): string {
    return join(this.folder, 'pod.yaml');
  }

  private inspect(container: string, format: string): Promise<string> {
    return podman('inspect', '--type', 'container', '--format', format, `${this.name}-${container}`);
  }

  /** Of the container's first process, when it runs. */
  async pidOf(container: string): Promise<number> {
    for (let looks = 1; ; looks += 1) {
      // The kubelet never tires of restarting; podman does when a start fails.
      if (looks % 200 === 0) await podman('start', `${this.name}-${container}`).catch(() => undefined);
      const pid = Number(await this.inspect(container, '{{.State.Pid}}'));
      if (pid > 0 && existsSync(`/proc/${pid}`)) return pid;
      await pause(50);
    }
  }

  /** As a crash: podman restarts it, as the kubelet would. Resolves when it runs again. */
  async kill9(container: string): Promise<void> {
    const pid = await this.pidOf(container);
    process.kill(pid, 'SIGKILL');
    while ((await this.pidOf(container)) === pid) await pause(50);
  }

  /** SIGTERM, and kill -9 after the pod's grace period. @returns the exit code */
  async stop(container: string): Promise<number> {
    await podman('stop', '--time', String(this.spec.terminationGracePeriodSeconds ?? 30), `${this.name}-${container}`);
    return Number(await this.inspect(container, '{{.State.ExitCode}}'));
  }

  async wasKilledForMemory(container: string): Promise<boolean> {
    return (await this.inspect(container, '{{.State.OOMKilled}}')) === 'true';
  }

  /** A line of /proc/PID/status, as `VmHWM`. */
  async statusOf(container: string, field: string): Promise<string> {
    return new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(readFileSync(`/proc/${await this.pidOf(container)}/status`, 'utf8'))?.[1] ?? '';
  }

  /** Both outputs, of all its starts. */
  logs(container: string): Promise<string> {
    return logsOf(`${this.name}-${container}`);
  }

  /** Where a volume of the pod lies on this machine. */
  async volumeFolder(volume: string): Promise<string> {
    return podman('volume', 'inspect', '--format', '{{.Mountpoint}}', `${this.name}-${volume}`);
  }

  /** The pod goes at once; its volumes stay unless told otherwise. */
  async remove({ volumes = true } = {}): Promise<void> {
    await this.clear(volumes);
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async clear(volumes: boolean): Promise<void> {
    await podman('pod', 'rm', '--force', '--time', '0', this.name).catch(() => undefined);
    if (volumes) for (const volume of this.spec.volumes ?? []) if (volume.emptyDir !== undefined) await podman('volume', 'rm', '--force', volume.name).catch(() => undefined);
  }
}
