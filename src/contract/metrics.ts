/**
 * Metrics that the functions write (embedded metric format) and that the alarms and the dashboard read.
 * Each carries the dimension `service`: the function's own, which the stack sets, so that two deployments
 * in one account stay apart.
 */
export const metricsNamespace = 'Pilotlight';
export const serviceDimension = 'service';

export const metricNames = {
  /** Environments started (count). */
  coldStarts: 'ColdStart',
  /** Requests that found their session in memory, and those that did not (count). */
  sessionCacheHits: 'SessionCacheHits',
  sessionCacheMisses: 'SessionCacheMisses',
  /** Sessions released to make room (count). */
  sessionCacheEvictions: 'SessionCacheEvictions',
  /** From the decision to load to a session that has been warmed (ms). */
  modelLoadMs: 'ModelLoadMs',
  /** Models that could not be served: missing files, a wrong checksum, refused by ONNX Runtime (count). */
  modelLoadFailures: 'ModelLoadFailures',
  /** The parts of a load: files to disk, file to session (ms). */
  modelDownloadMs: 'ModelDownloadMs',
  modelCreateMs: 'ModelCreateMs',
  /** Body to tensors (ms). */
  decodeMs: 'DecodeMs',
  /** Waiting for other calls of the same environment (ms). */
  queueMs: 'QueueMs',
  /** One `session.run` (ms). */
  runMs: 'RunMs',
  /** Tensors to body (ms). */
  encodeMs: 'EncodeMs',
  /** Records of transform jobs that became predictions, and those named in an errors file (count). */
  recordsTransformed: 'RecordsTransformed',
  recordsFailed: 'RecordsFailed',
  /** Jobs whose manifest was written, and those given up (count). */
  jobsCompleted: 'JobsCompleted',
  jobsFailed: 'JobsFailed',
} as const;
