import { type Command, Option } from 'commander';
import { visibleJson } from '../../../incident/visible.ts';
import { EXPLANATION_FORMATS, type ExplanationFormat } from '../../../ports/explanation.ts';
import { loadCatalog } from '../../../verification/catalog.ts';
import { type CliContext, wantsJson } from '../../context.ts';
import { explanationText } from '../../output/explanation-text.ts';
import { writeOutput } from '../../output/file.ts';
import { plain } from '../../output/text.ts';
import { findPlaybook } from '../../playbooks.ts';
import { readSettings } from '../../settings.ts';

type Options = { markdown?: true; html?: true; svg?: true; mermaid?: true; output?: string };

export function explainCommand(playbooks: Command, context: CliContext): void {
  const formats = ['markdown', 'html', 'svg', 'mermaid'];
  const format = (name: string, says: string) =>
    new Option(`--${name}`, says).conflicts(formats.filter((other) => other !== name));
  playbooks
    .command('explain')
    .description('explain a playbook in plain words, with its commands, flow and worst case; needs no daemon')
    .argument('<playbook>', 'name of the playbook, or its file')
    .argument('[name]', 'which playbook of a file with several')
    .addOption(format('markdown', 'write Markdown for a wiki, with the flow as Mermaid'))
    .addOption(format('html', 'write a self-contained HTML page'))
    .addOption(format('svg', 'write only the flow, as an SVG drawing'))
    .addOption(format('mermaid', 'write only the flow, as a Mermaid flowchart'))
    .option('-o, --output <file>', 'write to this file; its ending decides the format: .md, .html, .svg, .mmd or .json')
    .action(async (wanted: string, name: string | undefined, options: Options, command: Command) => {
      const { config } = readSettings(command);
      const catalog = loadCatalog(config.verification.catalog);
      const playbook = findPlaybook(wanted, name, config, catalog);
      const [{ explain }, { toJson, writeAs }, { documentOf }] = await Promise.all([
        import('../../../explain/explain.ts'),
        import('../../../explain/write.ts'),
        import('../../../explain/document.ts'),
      ]);
      const explanation = await explain(playbook, { config, catalog });
      const as = formatOf(options, wantsJson(command));
      const text =
        as === 'json'
          ? `${visibleJson(toJson(explanation), 2)}\n`
          : as === 'text'
            ? explanationText(documentOf(explanation), context.terminal)
            : writeAs(as, explanation);
      if (options.output === undefined) context.terminal.write(text);
      else {
        writeOutput(options.output, text);
        context.terminal.write(`Wrote ${plain(options.output)}\n`);
      }
      if (explanation.problems.length > 0) context.fail();
    });
}

const ENDINGS: Record<string, ExplanationFormat> = { mmd: 'mermaid', htm: 'html', markdown: 'md' };

function formatOf({ markdown, html, svg, mermaid, output = '' }: Options, json: boolean): ExplanationFormat | 'text' {
  if (json) return 'json';
  if (markdown) return 'md';
  if (html) return 'html';
  if (svg) return 'svg';
  if (mermaid) return 'mermaid';
  const ending = /\.(\w+)$/.exec(output)?.[1]?.toLowerCase() ?? '';
  return ENDINGS[ending] ?? EXPLANATION_FORMATS.find((format) => format === ending) ?? 'text';
}
