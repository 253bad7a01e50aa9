/** The generated part of docs/playbooks.md: for each step its heading, its summary and a row for each option. */
import { defaultOf, keysOf } from '../../../src/config/shape.ts';
import type { StepLanguage } from '../../../src/playbooks/language.ts';

export function referenceOf(step: StepLanguage): string {
  const rows = [...keysOf(step.options)].map(([key, option]) => {
    const fallback = defaultOf(option);
    const text = fallback === undefined ? (option.isOptional() ? 'none' : 'required') : `\`${fallback}\``;
    const short = key === step.shorthand ? ' (main value)' : '';
    return `| \`${key}\`${short} | ${text} | ${option.description ?? ''} |\n`;
  });
  const table = rows.length > 0 ? `\n| option | default | meaning |\n|---|---|---|\n${rows.join('')}` : '';
  return `${headingOf(step)}\n\n${step.summary}\n${table}`;
}

export const headingOf = ({ name }: Pick<StepLanguage, 'name'>) => `### ${name}`;

/** The page with the generated part of every step; a new step gets a section at the end. What people wrote below stays. */
export function withReference(page: string, steps: readonly StepLanguage[]): string {
  return steps.reduce((text, step) => {
    const generated = new RegExp(`^${headingOf(step)}\\n\\n.*\\n(\\n\\| option .*\\n(\\|.*\\n)*)?`, 'm');
    const reference = referenceOf(step);
    return generated.test(text) ? text.replace(generated, () => reference) : `${text}\n${reference}`;
  }, page);
}
