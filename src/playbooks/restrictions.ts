import { locateIn } from '../config/places.ts';
import { didYouMean, type Problem } from '../config/problems.ts';
import { fits } from '../incident/restrictions.ts';
import type { PlaybookLanguage } from './reading.ts';

/** Names and patterns of `playbooks.restrictions` that fit none of the playbooks: a restriction must not miss by a typo. */
export function namesWithoutPlaybook({ settings }: PlaybookLanguage, playbooks: readonly string[]): Problem[] {
  const locate = locateIn(settings.places);
  return settings.restrictions.flatMap(({ playbooks: names = [] }, index) =>
    names.flatMap((name, at): Problem[] => {
      if (playbooks.some((playbook) => fits(name, playbook))) return [];
      const place = locate(['playbooks', 'restrictions', index, 'playbooks', at]);
      const hint = didYouMean(name, playbooks) ?? `playbooks: ${playbooks.join(', ')}`;
      return [{ ...place, message: `there is no playbook "${name}"`, hint }];
    }),
  );
}
