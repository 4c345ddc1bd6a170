/** Every size that input from outside can reach, in one place. Over a limit is a refusal with a reason, never a crash. */
export const LIMITS = {
  /** Bytes of one signal message on any transport. */
  messageBytes: 1_048_576,
  /** Bytes of an id, a source, an account or a subscription. */
  idBytes: 256,
  /** Bytes of a signal type. */
  typeBytes: 64,
  /** Attributes of one signal. */
  attributes: 64,
  /** Bytes of an attribute's key. */
  attributeKeyBytes: 64,
  /** Bytes of an attribute's value. */
  attributeValueBytes: 8_192,
  /**
   * Largest magnitude of a number in a message: every whole one is exact as a double, and sums and products of thousands of
   * them, scaled as features scale them, are finite.
   */
  number: 1_000_000_000_000_000,
  /** Seats of one subscription. */
  seats: 1_000_000_000,
  /** Days of notice of one subscription. */
  noticeDays: 3_650,
  /** Months of one term. */
  termMonths: 1_200,
  /** Features in one plan. */
  planFeatures: 1_000_000,
  /** Depth of nested JSON in a message. */
  jsonDepth: 32,
  /** Rows that are encoded at a time, which holds the event loop; and of one batch where nothing else is said. */
  batchRows: 20_000,
  /** Rows of one insert. */
  insertRows: 100_000,
  /** Bytes of the messages of one insert: twenty thousand of the largest would not fit into memory. */
  batchBytes: 16_777_216,
  /** Messages of one request to a Kafka broker: kafkajs groups them by partition in quadratic time. */
  kafkaRequestMessages: 500,
  /** Bytes of one request to a Kafka broker. By default brokers take batches of 1,048,588 bytes. */
  kafkaRequestBytes: 1_000_000,
  /** Bytes of dead letters that wait for a broker; more are given up, since they are in the store anyway. */
  deadLetterBytes: 16_777_216,
  /** Bytes that a Kafka broker is asked for at a time. They come compressed, and are decoded in one go. */
  kafkaFetchBytes: 2_097_152,
  /** Bytes that the compressed batches of one answer may unpack to: 64 times as many. */
  kafkaUnpackedBytes: 134_217_728,
  /** Bytes of one file in rules/ or scoring/, or of a mapping. */
  fileBytes: 4_194_304,
  /** Nesting of YAML and of conditions. */
  fileDepth: 64,
  /** Problems reported of one file; the author of more will check again after fixing these. */
  problemsOfFile: 100,
  /** Rows that one command prints or acts upon. */
  commandRows: 100_000,
  /** Problems reported of one set to a caller of the API. */
  problemsOfSet: 1_000,
  /** For so long a rule set is checked for a caller of the API. */
  checkRulesMs: 30_000,
  /** Bytes of a rule set that the API previews against the present population: ten times the size of the shipped one. It is parsed on the event loop. */
  previewRulesBytes: 262_144,
  /** Comparisons of one rule, with every shared condition written out. */
  ruleComparisons: 2_000,
  /** Rules of one set. */
  rules: 10_000,
  /** Largest number that a frequency cap allows: of what was seen of an action, passes read so many times. */
  frequencyCap: 64,
  /** Longest time that a guardrail looks back on decisions, in days. */
  guardrailDays: 3_650,
  /** Largest page of a list call. */
  pageSize: 1_000,
  /** Bytes of a page token: one of ours has some hundred. */
  pageTokenBytes: 4_096,
  /** Subscriptions of one BatchGetRisks, as its contract says. */
  subscriptionsOfBatch: 1_000,
  /** Bytes of one gRPC request: what servers of other languages take unless they are set otherwise. */
  requestBytes: 4_194_304,
  /** Records of one request that brings signals or outcomes. */
  recordsOfRequest: 20_000,
  /** Bytes of one gRPC answer: what clients take by default. Pages are shortened to it. */
  answerBytes: 4_194_304,
  /** Bytes of gRPC requests that have not come whole, and of answers that are not read, over all connections. */
  heldRequestBytes: 268_435_456,
  heldAnswerBytes: 268_435_456,
  /** Bytes of the metadata of a gRPC call. */
  metadataBytes: 16_384,
  /** Calls of one gRPC connection in progress at once. More wait at the client. */
  callsOfConnection: 1_000,
  /** Connections to a port of the API at once. */
  connections: 10_000,
  /** Message bytes that one stream of signals holds before they are written. */
  streamBatchBytes: 4_194_304,
  /** Subscriptions whose latest risk is held in memory: about a kilobyte and a half each. */
  latestRisks: 50_000,
  /** Rejections spelt out in one answer. */
  rejectionsInAnswer: 1_000,
  /** Bytes of the URL and headers of a request to the ClickHouse HTTP interface. */
  httpHeaderBytes: 1_048_576,
  /** Bytes of one SQL statement there, as ClickHouse's own max_query_size; a request may raise it up to the second. */
  httpQueryBytes: 262_144,
  httpQueryBytesMost: 1_048_576,
  /** Bytes of a body of those who may only read there: a statement, its parameters, external tables. */
  httpReaderBodyBytes: 16_777_216,
  /** How long a caller there may take for the headers of a request, and send or take nothing of a body or an answer. */
  httpHeadersMs: 10_000,
  httpSilentMs: 60_000,
  /** Results larger than this are kept there only while so much of the disk is free. */
  httpSmallResultBytes: 1_048_576,
  httpSpoolFreePercent: 5,
  /** Rows of an INSERT there that are gathered in memory before they are written to a file; more stream into it. */
  httpRowsInMemoryBytes: 1_048_576,
  /** Bytes of one of ClickHouse's own compressed blocks in a body there, packed and plain: clients make them of a mebibyte. */
  httpBlockBytes: 16_777_216,
  /** Fields and external tables of one multipart body there. */
  httpFormFields: 1_000,
  httpFormTables: 32,
  /** Open connections there. */
  httpConnections: 1_000,
  /** What is read and forgotten there of a body that was refused, before the connection is cut. */
  httpSkippedBytes: 16_777_216,
  /** How long a cancelled query there has before it is killed once more. */
  httpKillAgainMs: 200,
  /** Earliest time a signal may carry: 2000-01-01T00:00:00Z. */
  earliestTime: 946_684_800_000,
  /** How much the clocks of machines that score into one store may differ: ten minutes. */
  clockSkewMs: 600_000,
  /** How far after its arrival a signal's time may lie: one day, for clocks that are off. */
  futureTimeMs: 86_400_000,
  /** Dates of a contract (start, renewal) lie from 1900-01-01 to 2299-12-31: what the store's DateTime64 holds. */
  earliestDate: -2_208_988_800_000,
  latestDate: 10_413_705_600_000,
  /** Rows that an import holds in memory for joins, over all files. */
  joinRows: 5_000_000,
  /** Bytes of one JSON document of an import, which is read whole. */
  jsonDocumentBytes: 268_435_456,
  /** How far ahead a contract that is known may begin to hold: ten years. */
  futureContractMs: 315_576_000_000,
  /** Add-ons of one subscription. */
  addOns: 64,
} as const;
