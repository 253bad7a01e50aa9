import type { Explanation, ExplanationFormat } from '../ports/explanation.ts';
import { documentOf } from './document.ts';
import { flowOf } from './flow.ts';
import { toHtml } from './html.ts';
import { toMarkdown } from './markdown.ts';
import { drawMermaid } from './mermaid.ts';
import { drawSvg } from './svg.ts';

/** The JSON of an explanation: everything, with the flow drawn. */
export type ExplanationJson = Explanation & { flow: { svg: string; mermaid: string } };

export function toJson(explanation: Explanation): ExplanationJson {
  const flow = flowOf(explanation);
  return { ...explanation, flow: { svg: drawSvg(flow, explanation.playbook), mermaid: drawMermaid(flow) } };
}

/** An explanation in a format for people or tools. */
export function writeAs(format: Exclude<ExplanationFormat, 'json'>, explanation: Explanation): string {
  const { svg, mermaid } = toJson(explanation).flow;
  switch (format) {
    case 'svg':
      return svg;
    case 'mermaid':
      return mermaid;
    case 'md':
      return toMarkdown(documentOf(explanation), mermaid);
    case 'html':
      return toHtml(documentOf(explanation), svg, `Playbook ${explanation.playbook}`);
  }
}
