import type { Notifier } from '../../ports/notifier.ts';
import { logNotifier, type NotifyLogger } from './log.ts';
import { webhookNotifier } from './webhook.ts';

/** The `notify` section of the configuration. */
export type NotifyConfig = readonly (
  | { channel: 'log' }
  | { channel: 'webhook'; url: string; token?: string | undefined }
)[];

/** The kinds of notifier. To add one, add a file here, a setting in the configuration section and a case in this list. */
export function createNotifiers(config: NotifyConfig, logger: NotifyLogger): Notifier[] {
  return config.map((entry) => (entry.channel === 'log' ? logNotifier(logger) : webhookNotifier(entry)));
}
