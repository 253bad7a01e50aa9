import { ConfigError } from '../config/problems.ts';
import type { Playbook } from '../incident/plan.ts';
import { modeInForce, restrictionsOf } from '../incident/restrictions.ts';
import { languageOf, loadPlaybooks } from '../playbooks/read.ts';
import { Gate } from '../proof/gate.ts';
import { proofSettings } from '../proof/prove.ts';
import { STEPS } from '../steps/index.ts';
import { loadCatalog } from '../verification/catalog.ts';
import { bad, type Check, count, type Finding, lineOf, look, ok } from './check.ts';
import { problemsOf } from './configuration.ts';
import type { Context } from './context.ts';

/** The playbooks and the mode that they run in. */
export const playbooks: Check = {
  name: 'playbooks',
  async run(context) {
    const { config } = context;
    const read = readPlaybooks(context);
    if (!Array.isArray(read)) {
      return read.problems.map((finding) => lineOf('playbooks', finding)).concat(lineOf('mode', modeOf(context)));
    }
    const { directory } = config.playbooks;
    if (read.length === 0) {
      const none = bad(`none in ${directory}`, 'Put playbooks there, or set playbooks.directory to their folder.');
      return [lineOf('playbooks', none), lineOf('mode', modeOf(context, read))];
    }
    const found = await proofsOf(context, read);
    return [...found.map((finding) => lineOf('playbooks', finding)), lineOf('mode', modeOf(context, read))];
  },
};

function readPlaybooks({ config }: Context): Playbook[] | { problems: Finding[] } {
  try {
    const catalog = loadCatalog(config.verification.catalog);
    return loadPlaybooks(config.playbooks.directory, languageOf(config, STEPS, catalog));
  } catch (error) {
    if (error instanceof ConfigError) return { problems: problemsOf(error.problems) };
    throw error;
  }
}

/** Whether start and reload would use them. Proofs of earlier starts count. */
async function proofsOf({ config, progress }: Context, read: Playbook[]): Promise<Finding[]> {
  progress?.('proofs of playbooks');
  const failures = await new Gate(config.store.directory).failures(read, proofSettings(config));
  const proved = read.filter(({ name }) => !failures.has(name));
  const required = config.playbooks.proof === 'required';
  const failing = [...failures].map(([name, problems]) =>
    (required ? bad : look)(
      `${name} fails its proof (${count(problems.length, 'problem')}): ${problems[0]?.message}`,
      `${required ? 'The daemon refuses to start with it' : 'The daemon uses it anyway (playbooks.proof: warn)'}; \`second-responder playbooks check\` shows the place and the path.`,
    ),
  );
  const names = proved.map(({ name }) => name).join(', ');
  return proved.length > 0 ? [ok(`${count(proved.length, 'playbook')}, proved: ${names}`), ...failing] : failing;
}

const MEANS = {
  observe: 'alerts are verified and playbooks only report what they would do; nothing is changed',
  approve: 'nothing is changed until a person approves',
};

/** What `safety.mode` means for these playbooks. */
function modeOf({ config, real }: Context, read?: readonly Playbook[]): Finding {
  const { mode } = config.safety;
  const restrictions = restrictionsOf(config.playbooks.restrictions);
  const isAutomatic = (playbook: Playbook) =>
    modeInForce({ playbook: playbook.name, mode: playbook.mode }, { mode, restrictions }, []).mode === 'auto';
  if (mode !== 'auto') return ok(`safety.mode is ${mode}: ${MEANS[mode]}`);
  if (!real) return ok('safety.mode is auto: playbooks in mode auto change the lab without asking');
  const automatic = read?.filter(isAutomatic).map(({ name }) => name);
  if (automatic?.length === 0) {
    return ok('safety.mode is auto, but no playbook is: nothing is changed until a person approves');
  }
  const which = automatic === undefined ? 'playbooks in mode auto' : automatic.join(', ');
  return look(
    `safety.mode is auto on a real organisation: ${which} may restart services, move databases and reboot servers without asking`,
    'If this is too early, start with safety.mode: observe, then approve, then auto (docs/admins.md).',
  );
}
