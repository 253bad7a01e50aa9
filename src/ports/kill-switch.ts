import type { Instant } from '../incident/alert.ts';

/** The scope of a kill switch; without any name, everything. */
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
