import { type LoadOptions, loadConfig } from '../config/load.ts';
import type { Place } from '../drill/drill.ts';
import type { Mode } from '../incident/plan.ts';
import { readOrganisation } from '../lab/world/organisation.ts';
import { readRecording } from '../recording/file.ts';
import type { RehearsalOptions } from '../rehearsal/rehearsal.ts';
import { inMode } from '../rehearsal/situation.ts';
import { loadCatalog } from '../verification/catalog.ts';
import { readPlaybookFiles } from './playbooks.ts';

/** Where everything is read from. Plain data, because each thread reads it for itself. */
export interface DrillSource {
  load: LoadOptions;
  organisation?: string;
  recording?: string;
  seed?: number;
  mode?: Mode;
  playbooks: string[];
}

/** Reads configuration, playbooks and the organisation. Throws ConfigError and LabProblems. */
export function drillSetting(source: DrillSource): {
  place: Place;
  options: Omit<RehearsalOptions, 'lab' | 'onEntry'>;
} {
  const { config } = loadConfig(source.load);
  const { mode } = source;
  const catalog = loadCatalog(config.verification.catalog);
  const playbooks = readPlaybookFiles(source.playbooks, config, catalog);
  const isNamed = source.organisation !== undefined || source.recording !== undefined;
  const { organisation, recording } = isNamed ? source : config.lab;
  const seed = source.seed ?? config.lab.seed;
  return {
    place: {
      ...(organisation !== undefined && { organisation: readOrganisation(organisation) }),
      ...(recording !== undefined && { recording: readRecording(recording), cure: config.lab.cure }),
      ...(seed !== undefined && { seed }),
    },
    options: inMode(mode, { config, catalog, playbooks }),
  };
}
