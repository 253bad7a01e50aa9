import type { Instant } from '../incident/alert.ts';

/** What a switched-on kill switch applies to; everything when it names nothing. */
export interface KillScope {
  playbook?: string;
  server?: string;
  group?: string;
}

export interface KillSwitch {
  on: boolean;
  scope: KillScope;
  by: string;
  reason: string;
  since: Instant;
}
