export type { Identity, Role } from './auth.ts';
export { createHttp, type HttpOptions, type HttpServer } from './http.ts';
export type { AlertCounts, HttpLogger, HttpMetrics } from './route.ts';
