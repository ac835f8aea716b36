/** The manifests of deploy/kubernetes say what the program understands; test/scenario/pod.test.ts plays them. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parseAllDocuments } from 'yaml';
import { environmentNameOf, optionNames } from '#schemas/options.ts';
import { readConfig } from '../../deploy/config.ts';
import { collectPortDefault, shipPortDefault } from '../../deploy/ports.ts';
import { runCommand } from '../helpers/command.ts';
import { testFolder } from '../helpers/folder.ts';

interface Container {
  name: string;
  image: string;
  args?: string[];
  env?: { name: string; value?: string; valueFrom?: { secretKeyRef?: { name: string; key: string } } }[];
  ports?: { name: string; containerPort: number }[];
  securityContext?: { privileged?: boolean; readOnlyRootFilesystem?: boolean; allowPrivilegeEscalation?: boolean; capabilities?: { drop?: string[]; add?: string[] } };
  volumeMounts?: { name: string; mountPath: string }[];
  startupProbe?: Probe;
  livenessProbe?: Probe;
  readinessProbe?: Probe;
}

interface Probe {
  httpGet: { path: string; port: string };
}

interface PodSpec {
  enableServiceLinks?: boolean;
  automountServiceAccountToken?: boolean;
  terminationGracePeriodSeconds?: number;
  hostNetwork?: boolean;
  initContainers?: Container[];
  containers: Container[];
  volumes?: { name: string; configMap?: { name: string }; persistentVolumeClaim?: { claimName: string } }[];
}

interface Manifest {
  kind: string;
  metadata: { name: string };
  data?: Record<string, string>;
  spec?: { template?: { metadata: { labels: Record<string, string> }; spec: PodSpec }; selector?: { matchLabels?: Record<string, string> } & Record<string, unknown>; ports?: { port: number; targetPort: string }[] };
}

const folder = join(import.meta.dirname, '../../deploy/kubernetes');
const files = readdirSync(folder);
const textOf = (file: string): string => readFileSync(join(folder, file), 'utf8');
const manifestsOf = (file: string): Manifest[] => parseAllDocuments(textOf(file)).map(document => document.toJS() as Manifest);
const podsOf = (manifests: readonly Manifest[]): { of: Manifest; pod: PodSpec; ours: Container[] }[] => manifests.flatMap(of => {
  const pod = of.spec?.template?.spec;
  return pod === undefined ? [] : [{ of, pod, ours: [...(pod.initContainers ?? []), ...pod.containers].filter(({ name }) => name === 'leadline') }];
});
const environmentNames = new Set(optionNames.map(environmentNameOf));
const ports: Record<string, number> = { ship: shipPortDefault, collect: collectPortDefault, serve: 4680 };

test('every variable and key that a manifest names, in comments too, is an option', t => {
  for (const file of files) {
    const text = textOf(file);
    for (const [name] of text.matchAll(/\bLEADLINE_[A-Z_]+/g)) t.true(environmentNames.has(name) || text.includes(`${name}=tcp`), `${file}: ${name}`);
    for (const { data } of manifestsOf(file)) {
      const config = data?.['leadline.yaml'] ?? '';
      for (const [, key] of config.matchAll(/^ *# ([a-z]\w+): \S/gm)) t.true(optionNames.some(name => name === key) || key === 'targets', `${file}: ${key!}`);
    }
  }
});

for (const file of files) {
  test(`${file}: what each part is told is accepted by it`, async t => {
    const manifests = manifestsOf(file);
    t.true(parseAllDocuments(textOf(file)).every(({ errors }) => errors.length === 0));
    for (const { of, pod, ours } of podsOf(manifests)) {
      for (const { args = [], env = [], ports: open = [], volumeMounts = [], ...container } of ours) {
        const [command] = args;
        const root = testFolder(t);
        for (const { name, mountPath } of volumeMounts) {
          const configMap = pod.volumes!.find(volume => volume.name === name)!.configMap;
          if (configMap === undefined) continue;
          mkdirSync(join(root, mountPath), { recursive: true });
          for (const [key, text] of Object.entries(manifests.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === configMap.name)!.data!)) writeFileSync(join(root, mountPath, key), text);
        }
        const config = args[args.indexOf('--config') + 1];
        const environment = Object.fromEntries(env.map(({ name, value }) => [name, value ?? 'given']));
        const { options, warnings } = readConfig({}, args.includes('--config') ? join(root, config!) : null, environment);
        t.deepEqual(warnings, [], of.metadata.name);
        t.true(options.kafka.length > 0, of.metadata.name);
        if (command === 'serve') t.true(options.apiKey !== null, 'listening on all interfaces needs a key');
        if (open.length > 0) t.is(open[0]!.containerPort, ports[command!]!);
        for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) if (probe !== undefined) t.is(probe.httpGet.port, open[0]!.name);
        if (pod.terminationGracePeriodSeconds !== undefined) t.true(pod.terminationGracePeriodSeconds * 1000 > options.drainTimeoutMs);
        const words = args.filter(word => /^[a-z]+$/.test(word));
        const help = await runCommand([...words.slice(0, command === 'topics' ? 2 : 1), '--help']);
        t.is(help.code, 0, help.stderr);
        for (const flag of args.filter(word => word.startsWith('--'))) t.true(help.stdout.includes(flag), `${command!} ${flag}`);
      }
    }
  });

  test(`${file}: no part has more rights than it needs, and what is named is there`, t => {
    const text = textOf(file);
    const manifests = manifestsOf(file);
    const names = (kind: string): string[] => manifests.filter(each => each.kind === kind).map(({ metadata }) => metadata.name);
    t.true(podsOf(manifests).length > 0);
    for (const { of, pod, ours } of podsOf(manifests)) {
      t.is(ours.length, 1, of.metadata.name);
      // With service links a Service called leadline would set LEADLINE_PORT.
      t.deepEqual([pod.enableServiceLinks, pod.automountServiceAccountToken, pod.hostNetwork], [false, false, undefined], of.metadata.name);
      for (const { securityContext, volumeMounts = [], env = [] } of ours) {
        t.deepEqual([securityContext?.privileged, securityContext?.readOnlyRootFilesystem, securityContext?.allowPrivilegeEscalation, securityContext?.capabilities], [undefined, true, false, { drop: ['ALL'] }]);
        for (const { name } of volumeMounts) t.true(pod.volumes!.some(volume => volume.name === name), name);
        // What the first lines tell to make.
        for (const { valueFrom } of env) if (valueFrom?.secretKeyRef !== undefined) t.true(text.includes(`secret generic ${valueFrom.secretKeyRef.name} `) && text.includes(`--from-literal=${valueFrom.secretKeyRef.key}=`));
      }
      for (const { configMap, persistentVolumeClaim } of pod.volumes ?? []) {
        if (configMap !== undefined) t.true(names('ConfigMap').includes(configMap.name));
        if (persistentVolumeClaim !== undefined) t.true(names('PersistentVolumeClaim').includes(persistentVolumeClaim.claimName));
      }
      const labels = of.spec!.template!.metadata.labels;
      for (const [name, value] of Object.entries(of.spec!.selector?.matchLabels ?? {})) t.is(labels[name], value);
    }
    for (const { metadata, spec } of manifests.filter(({ kind }) => kind === 'Service')) {
      const prefix = metadata.name.toUpperCase().replaceAll('-', '_');
      for (const suffix of ['PORT', 'SERVICE_HOST', 'SERVICE_PORT']) t.false(environmentNames.has(`${prefix}_${suffix}`), `a cluster sets ${prefix}_${suffix}`);
      const target = podsOf(manifests).find(({ of }) => Object.entries(spec!.selector!).every(([name, value]) => of.spec!.template!.metadata.labels[name] === value));
      t.true(target?.ours[0]?.ports?.some(({ name, containerPort }) => name === spec!.ports![0]!.targetPort && containerPort === spec!.ports![0]!.port));
    }
  });
}
