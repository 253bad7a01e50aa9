/** What docs/playbooks.md must say of a step: its heading, its summary, a row for each option. */
import { defaultOf, keysOf } from '../../../src/config/shape.ts';
import type { StepLanguage } from '../../../src/playbooks/language.ts';

export function documentedStep(step: StepLanguage): string[] {
  const rows = [...keysOf(step.options)].map(([key, option]) => {
    const fallback = defaultOf(option);
    const text = fallback === undefined ? (option.isOptional() ? 'none' : 'required') : `\`${fallback}\``;
    const short = key === step.shorthand ? ' (main value)' : '';
    return `| \`${key}\`${short} | ${text} | ${option.description ?? ''} |`;
  });
  const table = rows.length > 0 ? ['| option | default | meaning |', '|---|---|---|', ...rows] : [];
  return [`### ${step.name}`, step.summary, ...table];
}
