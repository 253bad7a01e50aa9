import { span } from '../lib/span.ts';
import type { Cost } from './explore.ts';

/** `5 h 58 min, 3 service restarts, 1 reboot` */
export function costInWords({ time, serviceRestarts, serverRestarts }: Cost): string {
  const some = (count: number, what: string) => (count > 0 ? [`${count} ${what}${count === 1 ? '' : 's'}`] : []);
  return [span(time), ...some(serviceRestarts, 'service restart'), ...some(serverRestarts, 'reboot')].join(', ');
}
