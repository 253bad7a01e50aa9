import type { Notifier } from '../../ports/notifier.ts';
import { logNotifier, type NotifyLogger } from './log.ts';
import { webhookNotifier } from './webhook.ts';

/** The `notify` section of the configuration. */
export type NotifyConfig = readonly (
  | { channel: 'log' }
  | { channel: 'webhook'; url: string; token?: string | undefined }
)[];

/** The kinds of notifier. A new one is a file here, a line in the configuration's section and a case in this list. */
export function createNotifiers(config: NotifyConfig, logger: NotifyLogger): Notifier[] {
  return config.map((entry) => (entry.channel === 'log' ? logNotifier(logger) : webhookNotifier(entry)));
}
