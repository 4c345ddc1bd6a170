import { QueryService, type RunQueryRequest } from '../gen/perennial/v1/query_service_pb.js';
import type { Store } from '../store/store.js';
import { type CallContext, type Rpc, serverStream } from './rpc.js';

/** Bytes of one message: a quarter of what clients take. */
const CHUNK_BYTES = 1_048_576;

export function queryService(store: Pick<Store, 'stream'>): readonly Rpc[] {
  async function* runQuery({ sql, format, settings, params }: RunQueryRequest, { signal }: CallContext) {
    const bytes = store.stream(sql, format === '' ? 'JSONEachRow' : format, {
      lane: 'ask',
      signal,
      settings,
      params: params ?? {},
    });
    for await (const part of bytes)
      for (let at = 0; at < part.length; at += CHUNK_BYTES)
        yield { data: part.subarray(at, at + CHUNK_BYTES) };
  }

  return [serverStream(QueryService.method.runQuery, 'query', runQuery)];
}
