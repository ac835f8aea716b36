// Fills the compile cache once after an installation, so that already the first start needs no TypeScript compiler in its threads.
import module from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
module.enableCompileCache(join(root, 'node_modules', '.cache', 'leadline'));
for (const program of ['deploy/command-line.ts', 'deploy/up.ts', 'deploy/ship.ts', 'deploy/run.ts', 'deploy/collect.ts', 'deploy/status.ts', 'deploy/topics.ts', 'lib/kafka/kafka-client.ts', 'shipper/kafka-publisher.ts', 'shipper/kafka-clock.ts', 'shipper/http-publisher.ts', 'shipper/redact.ts', 'deploy/collector-thread.ts', 'collector/parsing/parser-thread.ts', 'deploy/shared-work.ts', 'deploy/kafka-publishing.ts', 'deploy/serve.ts', 'query/store/elasticsearch/elasticsearch-reader.ts', 'deploy/shipper-thread.ts', 'shipper/chokidar-watch.ts', 'query/store/reader-thread.ts', 'deploy/read-commands.ts', 'deploy/alert-commands.ts', 'deploy/dead-letter-commands.ts', 'deploy/check.ts', 'deploy/demo-command.ts', 'deploy/config-file.ts']) {
  await import(join(root, program));
}
