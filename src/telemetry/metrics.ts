import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/**
 * Every metric of the process: one list, explained in docs/operations.md. Labels have few values each: never an
 * account, a subscription or an id. `group` is the consumer group: a process may run several roles.
 */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    ready: new Gauge({
      name: 'perennial_ready',
      help: '1 while a check that readiness rests on is content, else 0; by check.',
      labelNames: ['check'],
      registers,
    }),
    kafkaLagOffsets: new Gauge({
      name: 'perennial_kafka_lag_offsets',
      help: 'Messages in a partition that are not yet durable in the store.',
      labelNames: ['topic', 'partition'],
      registers,
    }),
    kafkaLagSeconds: new Gauge({
      name: 'perennial_kafka_lag_seconds',
      help: 'Age of the oldest message of a partition that is not yet durable in the store; 0 when there is none.',
      labelNames: ['topic', 'partition'],
      registers,
    }),
    kafkaUnstableOffsets: new Gauge({
      name: 'perennial_kafka_unstable_offsets',
      help: 'Messages of a partition that can not be read yet: they are behind a transaction that has not ended.',
      labelNames: ['topic', 'partition'],
      registers,
    }),
    kafkaLagAge: new Gauge({
      name: 'perennial_kafka_lag_age_seconds',
      help: 'Seconds since the brokers last said where partitions end: the lag is that old.',
      labelNames: ['group'],
      registers,
    }),
    kafkaDurableAge: new Gauge({
      name: 'perennial_kafka_durable_age_seconds',
      help: 'Seconds since messages last became durable in the store, or since the start.',
      labelNames: ['group'],
      registers,
    }),
    kafkaRebalances: new Counter({
      name: 'perennial_kafka_rebalances_total',
      help: 'Times that the consumer group gave out its partitions anew.',
      labelNames: ['group'],
      registers,
    }),
    kafkaStaleStopped: new Counter({
      name: 'perennial_kafka_stale_stopped_total',
      help: 'Handlers stopped and batches cut short because their partition had gone to another consumer.',
      labelNames: ['group'],
      registers,
    }),
    kafkaSessions: new Counter({
      name: 'perennial_kafka_sessions_total',
      help: 'Consumer sessions started, by why the one before ended: first, crashed or stuck.',
      labelNames: ['group', 'after'],
      registers,
    }),
    kafkaCommitFailures: new Counter({
      name: 'perennial_kafka_commit_failures_total',
      help: 'Offset commits that failed; a later one covers them.',
      labelNames: ['group'],
      registers,
    }),
    kafkaPartitionsStopped: new Gauge({
      name: 'perennial_kafka_partitions_stopped',
      help: 'Partitions that stand still: too many of their messages were rejected, or a batch cannot be read.',
      labelNames: ['group'],
      registers,
    }),
    kafkaOffsetsExpired: new Counter({
      name: 'perennial_kafka_offsets_expired_total',
      help: 'Messages that Kafka deleted by retention before they were read: they are lost.',
      labelNames: ['topic'],
      registers,
    }),
    kafkaPaused: new Gauge({
      name: 'perennial_kafka_paused',
      help: '1 while reading waits because as much as allowed is in progress to the store.',
      labelNames: ['group'],
      registers,
    }),
    kafkaLoopAge: new Gauge({
      name: 'perennial_kafka_loop_age_seconds',
      help: 'Seconds since the consumer loop last turned.',
      labelNames: ['group'],
      registers,
    }),
    records: new Counter({
      name: 'perennial_ingest_records_total',
      help: 'Records read, by kind (signals, subscriptions, outcomes) and fate: new, same (a repeat), corrected, retracted (left out); settled: counted as new, and then as a correction of what spoke of another day.',
      labelNames: ['kind', 'fate'],
      registers,
    }),
    batchRows: new Histogram({
      name: 'perennial_ingest_batch_rows',
      help: 'Rows of one delivery to the store.',
      buckets: [1, 10, 100, 1_000, 5_000, 10_000, 20_000],
      registers,
    }),
    batchBytes: new Histogram({
      name: 'perennial_ingest_batch_bytes',
      help: 'Message bytes of one delivery to the store.',
      buckets: [1_000, 10_000, 100_000, 1_000_000, 4_000_000, 16_000_000],
      registers,
    }),
    batchSeconds: new Histogram({
      name: 'perennial_ingest_batch_seconds',
      help: 'Time one delivery to the store took, retries included.',
      buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60],
      registers,
    }),
    deliveryRetries: new Counter({
      name: 'perennial_ingest_retries_total',
      help: 'Deliveries to the store that failed and were tried again.',
      labelNames: ['group'],
      registers,
    }),
    messages: new Counter({
      name: 'perennial_ingest_messages_total',
      help: 'Messages made durable, by what they became: signal, subscription, outcome or rejection.',
      labelNames: ['kind'],
      registers,
    }),
    rejections: new Counter({
      name: 'perennial_ingest_rejections_total',
      help: 'Messages rejected, by reason code.',
      labelNames: ['reason'],
      registers,
    }),
    deadLetters: new Counter({
      name: 'perennial_ingest_dead_letters_total',
      help: 'Rejected messages copied to the dead-letter topic.',
      registers,
    }),
    deadLettersLost: new Counter({
      name: 'perennial_ingest_dead_letters_lost_total',
      help: 'Rejected messages that could not be copied to the dead-letter topic; rejected_signals has them.',
      registers,
    }),
    unreadMessages: new Counter({
      name: 'perennial_kafka_unread_messages_total',
      help: 'Messages passed over since reading them failed by a defect of Perennial.',
      labelNames: ['group'],
      registers,
    }),
    eventsRefused: new Counter({
      name: 'perennial_kafka_events_refused_total',
      help: 'Risks and decisions that Kafka did not take, such as for their size; the store has them.',
      labelNames: ['topic'],
      registers,
    }),
    touchesWaiting: new Gauge({
      name: 'perennial_touches_waiting',
      help: 'Accounts with new signals that wait in the store until a broker takes them, at least.',
      registers,
    }),
    ruleReloads: new Counter({
      name: 'perennial_rule_reloads_total',
      help: 'Changes of the rule files, by result: activated, held (it has lost something) or refused.',
      labelNames: ['result'],
      registers,
    }),
    rulesRefused: new Gauge({
      name: 'perennial_rules_refused',
      help: '1 while what is in the rules folder is refused and an older set runs.',
      registers,
    }),
    grpcHandled: new Counter({
      name: 'perennial_grpc_handled_total',
      help: 'Calls of the API that ended, by method and status.',
      labelNames: ['method', 'status'],
      registers,
    }),
    grpcSeconds: new Histogram({
      name: 'perennial_grpc_handling_seconds',
      help: 'Time from the arrival of a call of the API to its end; streams for as long as they were open.',
      labelNames: ['method'],
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60],
      registers,
    }),
    grpcInFlight: new Gauge({
      name: 'perennial_grpc_in_flight',
      help: 'Calls of the API that have come and not ended.',
      labelNames: ['method'],
      registers,
    }),
    grpcWaiting: new Gauge({
      name: 'perennial_grpc_waiting',
      help: 'Calls of the API that wait for their turn, by what they ask for: lookup, work or write.',
      labelNames: ['cost'],
      registers,
    }),
    rulesLive: new Gauge({
      name: 'perennial_rules_live',
      help: 'What the rule set that decides holds: rules, guardrails and offers.',
      labelNames: ['what'],
      registers,
    }),
    ruleChanges: new Counter({
      name: 'perennial_rule_changes_total',
      help: 'Rules, guardrails, offers and settings that a reload added, removed or changed.',
      labelNames: ['kind'],
      registers,
    }),
    accountsFailed: new Counter({
      name: 'perennial_accounts_failed_total',
      help: 'Times that an account could not be scored; it is tried again, all others are scored.',
      registers,
    }),
    decisionsOpened: new Counter({
      name: 'perennial_decisions_opened_total',
      help: 'Decisions that live passes opened, those that wait for approval included.',
      registers,
    }),
    decisionsBraked: new Counter({
      name: 'perennial_decisions_braked_total',
      help: 'Decisions that wait for approval since the brake on sudden numbers of decisions holds them.',
      registers,
    }),
    drift: new Gauge({
      name: 'perennial_scorecard_stability',
      help: 'Population stability index of the risk, and of each feature that scorecards use, against a quarter ago: over 0.25 is shifted.',
      labelNames: ['of'],
      registers,
    }),
    driftLost: new Gauge({
      name: 'perennial_scorecard_lost_to_expected',
      help: 'Contracts lost in the last quarter for each that was to be lost by its probability, by the label of features.yaml.',
      labelNames: ['label'],
      registers,
    }),
    driftCheckedAt: new Gauge({
      name: 'perennial_scorecard_drift_checked_timestamp_seconds',
      help: 'When scorecards were last checked for drift; 0: not yet.',
      registers,
    }),
    storeDiskFree: new Gauge({
      name: 'perennial_store_disk_free_bytes',
      help: "Bytes that are free on the store's disk.",
      labelNames: ['disk'],
      registers,
    }),
    storeDiskTotal: new Gauge({
      name: 'perennial_store_disk_bytes',
      help: "Size of the store's disk.",
      labelNames: ['disk'],
      registers,
    }),
    storeDiskLow: new Gauge({
      name: 'perennial_store_disk_low',
      help: '1 while less than PERENNIAL_DISK_FREE_PERCENT of the disk is free.',
      labelNames: ['disk'],
      registers,
    }),
    storeTableBytes: new Gauge({
      name: 'perennial_store_table_bytes',
      help: 'Bytes that a table of Perennial takes on disk.',
      labelNames: ['table'],
      registers,
    }),
    freshness: new Histogram({
      name: 'perennial_freshness_seconds',
      help: 'From the arrival of a signal to the risk that knows it.',
      buckets: [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300],
      registers,
    }),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;

/** Adds the process's own figures: memory, event loop, garbage collection. Once per process. */
export function watchProcess(metrics: Metrics): void {
  collectDefaultMetrics({ register: metrics.registry, prefix: 'perennial_' });
}
