import { ConfigError } from '../config/problems.ts';
import type { Playbook } from '../incident/plan.ts';
import { loadPlaybooks } from '../playbooks/read.ts';
import { STEPS } from '../steps/index.ts';
import { loadCatalog } from '../verification/catalog.ts';
import { bad, type Check, count, type Finding, lineOf, look, ok } from './check.ts';
import { problemsOf } from './configuration.ts';
import type { Context } from './context.ts';

/** The playbooks, and how bold they may be. */
export const playbooks: Check = {
  name: 'playbooks',
  async run(context) {
    const { config } = context;
    const read = readThem(context);
    if (!Array.isArray(read)) {
      return read.problems.map((finding) => lineOf('playbooks', finding)).concat(lineOf('mode', modeOf(context)));
    }
    const { directory } = config.playbooks;
    const found =
      read.length > 0
        ? ok(`${count(read.length, 'playbook')}: ${read.map(({ name }) => name).join(', ')}`)
        : bad(`none in ${directory}`, 'Put playbooks there, or say in playbooks.directory where they are.');
    return [lineOf('playbooks', found), lineOf('mode', modeOf(context, read))];
  },
};

function readThem({ config }: Context): Playbook[] | { problems: Finding[] } {
  try {
    const catalog = loadCatalog(config.verification.catalog);
    return loadPlaybooks(config.playbooks.directory, { steps: STEPS, services: config.safety.services, catalog });
  } catch (error) {
    if (error instanceof ConfigError) return { problems: problemsOf(error.problems) };
    throw error;
  }
}

const MEANS = {
  observe: 'every alert is verified and every playbook says what it would do; nothing is changed',
  approve: 'nothing is changed before a person has said yes',
};

/** What the ceiling means here. */
function modeOf({ config, real }: Context, read?: readonly Playbook[]): Finding {
  const { mode } = config.safety;
  if (mode !== 'auto') return ok(`safety.mode is ${mode}: ${MEANS[mode]}`);
  if (!real) return ok('safety.mode is auto: playbooks that are auto change the lab without asking');
  const bold = read?.filter((playbook) => playbook.mode === 'auto').map(({ name }) => name);
  if (bold?.length === 0) {
    return ok('safety.mode is auto, and no playbook is: nothing is changed before a person has said yes');
  }
  const which = bold === undefined ? 'playbooks that are auto' : bold.join(', ');
  return look(
    `safety.mode is auto on a real organisation: ${which} may restart services, move databases and reboot servers of yours without asking anybody`,
    'If that is not meant yet: safety.mode: observe, then approve, then auto (docs/admins.md).',
  );
}
