/** `perennial/client`: everything that a service in TypeScript needs to ask Perennial. */
export { Code, ConnectError } from '@connectrpc/connect';
export {
  BadRequestSchema,
  ErrorInfoSchema,
  QuotaFailureSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
} from '../gen/google/rpc/error_details_pb.js';
export * from '../gen/perennial/v1/customer_service_pb.js';
export * from '../gen/perennial/v1/decision_pb.js';
export * from '../gen/perennial/v1/decision_service_pb.js';
export * from '../gen/perennial/v1/money_pb.js';
export * from '../gen/perennial/v1/query_service_pb.js';
export * from '../gen/perennial/v1/retraction_service_pb.js';
export * from '../gen/perennial/v1/risk_override_service_pb.js';
export * from '../gen/perennial/v1/risk_pb.js';
export * from '../gen/perennial/v1/risk_service_pb.js';
export * from '../gen/perennial/v1/rule_service_pb.js';
export * from '../gen/perennial/v1/run_service_pb.js';
export * from '../gen/perennial/v1/signal_pb.js';
export * from '../gen/perennial/v1/signal_service_pb.js';
export * from '../gen/perennial/v1/subscription_pb.js';
export { type ConnectOptions, connect, type Perennial, type TlsOptions } from './connect.js';
export { each } from './each.js';
export { watch } from './watch.js';
