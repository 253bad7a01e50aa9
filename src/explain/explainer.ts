import type { Playbook } from '../incident/plan.ts';
import { styleHashes } from '../lib/html.ts';
import type { Explain, Explanation } from '../ports/explanation.ts';
import type { Ground } from './commands.ts';
import { explain, modeInWords, modesIn } from './explain.ts';
import { toJson, writeAs } from './write.ts';

const TYPES = {
  json: 'application/json; charset=utf-8',
  md: 'text/markdown; charset=utf-8',
  html: 'text/html; charset=utf-8',
  svg: 'image/svg+xml; charset=utf-8',
  mermaid: 'text/plain; charset=utf-8',
};

/** Explains the playbooks in force. It takes a second of computing, so each is explained once, until files are read again. */
export function createExplainer(inForce: () => Ground & { playbooks: readonly Playbook[] }): Explain {
  const known = new WeakMap<Playbook, Promise<Explanation>>();
  return async (name, mode, format) => {
    const { playbooks, config, catalog } = inForce();
    const playbook = playbooks.find((one) => one.name === name);
    if (!playbook) return undefined;
    const explaining = known.get(playbook) ?? explain(playbook, { config, catalog });
    known.set(playbook, explaining);
    explaining.catch(() => known.delete(playbook)); // the next request tries again
    const explanation = { ...(await explaining), mode: modeInWords(playbook, modesIn(config), mode) };
    const text = format === 'json' ? JSON.stringify(toJson(explanation)) : writeAs(format, explanation);
    return { type: TYPES[format], text, styles: format === 'html' || format === 'svg' ? styleHashes(text) : [] };
  };
}
