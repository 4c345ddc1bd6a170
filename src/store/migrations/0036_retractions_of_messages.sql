-- A retraction may come as a message: its place says what had been sent before it.
ALTER TABLE retraction_log ADD COLUMN IF NOT EXISTS _topic LowCardinality(String) COMMENT 'Kafka topic, file path or "grpc"; empty: a person';
ALTER TABLE retraction_log ADD COLUMN IF NOT EXISTS _partition Int32 DEFAULT -1 COMMENT 'Kafka partition; -1 elsewhere';
ALTER TABLE retraction_log ADD COLUMN IF NOT EXISTS _offset Int64 DEFAULT -1 COMMENT 'Kafka offset, or line of the file; -1 elsewhere';
