import type { Flow } from './flow.ts';

/** The flow as a Mermaid flowchart, which wikis of GitHub, GitLab and Azure DevOps draw. */
export function drawMermaid(flow: Flow): string {
  const lines = [
    'flowchart TD',
    `  accTitle: ${label(flow.title)}`,
    '  alert(["The alert is verified"])',
    '  alert -- healthy --> nothing(["Nothing is done"])',
  ];
  let open: [node: string, edge: string][] = [['alert', 'unhealthy']];
  const goTo = (node: string) => {
    for (const [from, edge] of open) lines.push(`  ${from} ${edge && `-- ${edge} `}--> ${node}`);
  };
  /** Ways around a condition, which join after its last step. */
  let around: { after: number; from: string } | undefined;
  for (const [index, step] of flow.steps.entries()) {
    const id = `s${index + 1}`;
    const condition = flow.conditions.find(({ from }) => from === index);
    if (condition) {
      const question = `c${index + 1}`;
      lines.push(`  ${question}{"${label(condition.text)}"}`);
      goTo(question);
      open = [[question, 'yes']];
      around = { after: condition.to, from: question };
    }
    const words = [step.name, step.text, ...(step.from ? [step.from] : [])].map(label).join('<br/>');
    lines.push(step.is === 'check' ? `  ${id}[/"${words}"/]` : `  ${id}["${words}"]`);
    goTo(id);
    if (step.is === 'check') lines.push(`  ${id} -- healthy --> recovered(["Recovered"])`);
    if (step.mayBeRefused)
      lines.push(`  ${id} -. ${step.is === 'check' ? 'no answer' : 'refused'} .-> person(["A person is notified"])`);
    open = [[id, step.is === 'check' ? 'unhealthy' : '']];
    if (around?.after === index) {
      open.push([around.from, 'no']);
      around = undefined;
    }
  }
  // A last step that escalates ends with a person too; so does a condition around it.
  goTo('person(["A person is notified"])');
  return `${lines.join('\n')}\n`;
}

/** Letters, digits and harmless punctuation stay; everything that Mermaid, Markdown or HTML could read becomes a number. */
const label = (text: string): string =>
  text.replace(/[^\p{L}\p{M}\p{N} .,:·'-]/gu, (char) => `#${char.codePointAt(0)};`);
