import type { Notice, Notifier } from '../../ports/notifier.ts';
export interface NotifyLogger {
  warn(message: string, details?: Record<string, unknown>): unknown;
  info(message: string, details?: Record<string, unknown>): unknown;
}

/** Writes notices to the log, escalations as warnings, with their whole text. */
export function logNotifier(logger: NotifyLogger): Notifier {
  return {
    channel: 'log',
    async send({ kind, subject, text, incident, key }: Notice) {
      logger[kind === 'escalation' ? 'warn' : 'info'](`${kind}: ${subject}\n${text}`, { incident, key });
    },
  };
}
