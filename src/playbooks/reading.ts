import type { Config } from '../config/config.ts';
import type { Locate, Path, Place, Problem } from '../config/problems.ts';
import type { Source } from '../config/yaml.ts';
import type { Catalog } from '../verification/catalog.ts';
import type { StepDefaults } from './defaults.ts';
import type { StepLanguage } from './language.ts';
import type { Lists } from './lists.ts';

export interface PlaybookLanguage {
  /** The available kinds of step. */
  steps: readonly StepLanguage[];
  /** The services that may be restarted (`safety.services`). */
  services: readonly string[];
  catalog: Catalog;
  /** What the organisation sets for all its playbooks. */
  settings: Pick<Config['playbooks'], 'defaults' | 'restrictions' | 'places'>;
}

/** What all documents are read with. */
export interface Shared extends PlaybookLanguage {
  lists: Lists;
  /** Options of steps that are not written in a playbook. */
  defaults: StepDefaults;
}

/** Everything needed to read the steps of one playbook, or of a list in it. */
export interface StepReading extends Shared {
  /** The place of a problem here: in a list, with the places that use it. */
  locate: Locate;
  commentOf: Source['commentOf'];
  /** The place alone. */
  ownPlace: Locate;
  problems: Problem[];
  complain(path: Path, message: string, hint?: string): void;
  /** The same, but the position is that of the key instead of its value. */
  complainAtKey(path: Path, message: string, hint?: string): void;
  /** The lists around these steps, the outermost first, and where each is used, the innermost first. */
  within: readonly string[];
  usedAt: readonly Place[];
  /** Number of steps so far, through all lists. */
  count: { steps: number };
}

export function createReading(
  shared: Shared,
  { locate, commentOf }: Source,
  problems: Problem[],
  inside: Pick<StepReading, 'within' | 'usedAt' | 'count'> = { within: [], usedAt: [], count: { steps: 0 } },
): StepReading {
  const used = inside.usedAt.length > 0 && { usedAt: inside.usedAt.map(withoutText) };
  const at: Locate = (path, of) => ({ ...locate(path, of), ...used });
  const report = (place: Place, message: string, hint?: string) =>
    problems.push({ ...place, message, ...(hint && { hint }) });
  return {
    ...shared,
    ...inside,
    locate: at,
    ownPlace: locate,
    commentOf,
    problems,
    complain: (path, message, hint) => report(at(path), message, hint),
    complainAtKey: (path, message, hint) => report(at(path, 'key'), message, hint),
  };
}

const withoutText = ({ file, line, column, path }: Place): Place => ({ file, line, column, path });
