/** Reads a file, cuts it at newlines into pieces of at most 1 MB, compresses each in place and sends it with kafkajs, one in flight per partition. */
import { openSync, readSync } from 'node:fs';
import { constants, zstdCompressSync } from 'node:zlib';
import { CompressionTypes, Kafka, logLevel } from 'kafkajs';

const [file, brokers, topic] = process.argv.slice(2) as [string, string, string];
const chunkBytes = 1_000_000;
const kafka = new Kafka({ clientId: 'bare-loop', brokers: brokers.split(','), logLevel: logLevel.NOTHING });
const admin = kafka.admin();
await admin.connect();
const partitions = (await admin.fetchTopicOffsets(topic)).length;
await admin.disconnect();
const producer = kafka.producer();
await producer.connect();

const input = openSync(file, 'r');
const buffer = Buffer.allocUnsafe(chunkBytes);
const inFlight: Promise<unknown>[] = [];
let position = 0;
for (let index = 0; ; index++) {
  const filled = readSync(input, buffer, 0, chunkBytes, position);
  const end = buffer.subarray(0, filled).lastIndexOf(10) + 1;
  if (end === 0) break;
  position += end;
  const partition = index % partitions;
  await inFlight[partition];
  const value = zstdCompressSync(buffer.subarray(0, end), { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
  inFlight[partition] = producer.send({ topic, acks: -1, compression: CompressionTypes.None, messages: [{ partition, key: null, value }] });
  // Compression blocks: without a turn of the loop nothing would leave.
  await new Promise(setImmediate);
}
await Promise.all(inFlight);
process.stdout.write('done\n');
setInterval(() => undefined, 60_000);
