export { describe, type Level, type Line } from './describe.ts';
export { readGauges } from './gauges.ts';
export { createLogger, type Logger, type LogOptions } from './log.ts';
export { type CallResult, createMetrics, type Metrics, type MetricsOptions } from './metrics.ts';
export { countEntry, logEntry } from './subscribe.ts';
