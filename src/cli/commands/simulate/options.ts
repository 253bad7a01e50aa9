import type { Mode } from '../../../incident/plan.ts';
import type { Situation } from '../../../rehearsal/situation.ts';

export interface Options {
  fault?: string[];
  server?: string;
  monitor?: string;
  playbook?: string[];
  organisation?: string;
  recording?: string;
  cure?: NonNullable<Situation['cure']>;
  seed?: number;
  incident?: string;
  journal?: string;
  mode?: Mode;
  approve?: true;
  reject?: true;
  step?: true;
  at?: number;
  record?: string;
  recordTo?: string;
  whatIf?: true;
}
