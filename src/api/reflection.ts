import { fileURLToPath } from 'node:url';
import type { Server } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { protoPath as healthProto } from 'grpc-health-check';

const PROTO = fileURLToPath(new URL('../../proto', import.meta.url));
const FILES = ['risk', 'decision', 'signal', 'subscription'].map((name) => `perennial/v1/${name}.proto`);

/** Lets grpcurl and the like ask for the services and messages: reflection v1 and v1alpha. */
export function addReflection(server: Server): void {
  const definition = loadSync([...FILES, healthProto], { includeDirs: [PROTO], keepCase: true });
  new ReflectionService(definition).addToServer(server);
}
