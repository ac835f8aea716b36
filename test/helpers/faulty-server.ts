/** A real server on a bad line: requests that write are carried out and their answers are lost, or they never arrive, as a test says. */
import { ElasticError, ElasticServer, type ElasticAnswer, type ElasticRequest } from '#lib/elasticsearch/server.ts';

export type LineFault = 'answerLost' | 'neverSent' | null;

export class FaultyServer extends ElasticServer {
  /** Asked for every request that writes. */
  faultOf: (request: ElasticRequest) => LineFault = () => null;
  faults = 0;

  override async request(request: ElasticRequest): Promise<ElasticAnswer> {
    const writes = request.lines !== undefined || request.method === 'DELETE';
    const fault = writes ? this.faultOf(request) : null;
    if (fault === null) return super.request(request);
    this.faults += 1;
    if (fault === 'answerLost') await super.request(request);
    throw new ElasticError('UNREACHABLE', 'the line is bad', false);
  }
}
