import { EventEmitter, once } from 'node:events';
import { connect, type ServerHttp2Stream } from 'node:http2';
import { status } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { endLate, isLate, takeDeadline } from '../../src/api/transport/deadlines.js';
import { serve } from './support.js';

/** A call of grpc-js, as far as deadlines go; resolves once it is ended. */
function callOf(session: object, timeout: string) {
  const stream = Object.assign(new EventEmitter(), { session }) as unknown as ServerHttp2Stream;
  const headers = { 'grpc-timeout': timeout };
  takeDeadline(stream, headers);
  const ended = new Promise<{ code: number }>((resolve) => {
    endLate({} as never, { stream, sendStatus: resolve } as never);
  });
  return { stream, headers, ended };
}

// Bug: a hundred calls with one deadline were answered within one turn of the event loop, and everybody else waited.
it('calls whose deadlines pass together are ended over many turns', async () => {
  let turn = 0;
  let next = setImmediate(function count() {
    turn++;
    next = setImmediate(count);
  });
  const session = {};
  const calls = Array.from({ length: 100 }, () => callOf(session, '5m'));
  const turns = await Promise.all(calls.map(({ ended }) => ended.then(() => turn)));
  clearImmediate(next);
  const inEach = new Map<number, number>();
  for (const of of turns) inEach.set(of, (inEach.get(of) ?? 0) + 1);
  expect(Math.max(...inEach.values())).toBeLessThanOrEqual(16);
  expect(calls.every(({ stream }) => isLate(stream))).toBe(true);
});

it('a deadline that is none is left to the library, and none is no deadline', () => {
  const odd = callOf({}, 'soon');
  expect(odd.headers).toEqual({ 'grpc-timeout': 'soon' });
  expect(isLate(odd.stream)).toBe(false);
});

it('a call that its caller leaves open ends with DEADLINE_EXCEEDED, also one that has not come whole', async () => {
  const risks = (_filter: unknown, _limit: unknown, _order: unknown, signal: AbortSignal) =>
    once(signal, 'abort').then(() => signal.throwIfAborted());
  const served = await serve({
    questions: { risks } as never,
    ingest: () => Promise.reject(new Error('none')),
  });
  const session = connect(`http://${served.target}`);
  const call = (end: boolean) => {
    const request = session.request({
      ':method': 'POST',
      ':path': '/perennial.v1.RiskService/ListRisks',
      'content-type': 'application/grpc',
      te: 'trailers',
      'grpc-timeout': '50m',
    });
    if (end) request.end(Buffer.alloc(5));
    else request.write(Buffer.alloc(3));
    return once(request, 'response');
  };
  const codes = (await Promise.all([call(true), call(false)])).map(([headers]) => headers['grpc-status']);
  expect(codes).toEqual([String(status.DEADLINE_EXCEEDED), String(status.DEADLINE_EXCEEDED)]);
  session.destroy();
  await served.stop();
});

// Bug: a call whose request ends after its deadline was never told of it, and waited for a place for ever.
it('a call whose request ends after its deadline does not begin', async () => {
  let [begun, over] = [0, 0];
  const risks = async (_filter: unknown, _limit: unknown, _order: unknown, signal: AbortSignal) => {
    begun++;
    await once(signal, 'abort');
    over++;
    signal.throwIfAborted();
  };
  const served = await serve({
    questions: { risks } as never,
    ingest: () => Promise.reject(new Error('none')),
  });
  const session = connect(`http://${served.target}`);
  for (let i = 0; i < 10; i++) {
    const request = session.request({
      ':method': 'POST',
      ':path': '/perennial.v1.RiskService/ListRisks',
      'content-type': 'application/grpc',
      te: 'trailers',
      'grpc-timeout': '5m',
    });
    request.write(Buffer.alloc(5));
    const [headers] = await once(request, 'response');
    expect(headers['grpc-status']).toBe(String(status.DEADLINE_EXCEEDED));
    request.end();
  }
  // One after those on the same connection: they have been looked at by then.
  const later = session.request({
    ':method': 'POST',
    ':path': '/grpc.health.v1.Health/Check',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  later.end(Buffer.alloc(5));
  await once(later, 'response');
  expect(over).toBe(begun);
  session.destroy();
  await served.stop();
});
