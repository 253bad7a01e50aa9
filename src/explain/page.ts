/** From which step of the published page a step comes: the comments in the file say it, as `# 3.2  As 1.` or `# (ours) …`. */
import type { Playbook } from '../incident/plan.ts';

export interface FromPage {
  /** Numbers of the page: `3.2`; empty: the comments name none. */
  steps: string[];
  /** The comment says that the page does not have it. */
  isOurs: boolean;
  note: string;
  /** Further numbers before it: what the page says there is no step here. */
  elsewhere: { steps: string[]; note: string }[];
}

const NUMBERS = String.raw`\d+(?:\.\d+)*(?:[ ,]+\d+(?:\.\d+)*)*`;
/** Numbers alone, or set off from the text by two spaces, a colon, a semicolon or a bracket. */
const NUMBERED = new RegExp(String.raw`^(${NUMBERS})(?:$|\s{2,}|\s*[:;]|\s(?=\())`);
const OURS = /^(?:\(ours\)|ours(?=$|[:;\s]))[:;]?/i;

export function fromPage({ comments }: Playbook['places'][number]): FromPage {
  const found: FromPage = { steps: [], isOurs: false, note: '', elsewhere: [] };
  for (const { text, at, of } of comments.toReversed()) {
    const paragraphs = text.split(/\n\s*\n/).map(parse);
    const own = paragraphs.findLast(({ steps, isOurs }) => steps.length > 0 || isOurs) ?? paragraphs.at(-1);
    if (!own) continue;
    const isFirst = at === 0;
    if (isFirst) {
      const before = paragraphs.filter((one) => one !== own && one.steps.length > 0);
      found.elsewhere.unshift(...before.map(({ steps, note }) => ({ steps, note })));
    }
    if (found.steps.length > 0 || found.isOurs) continue;
    // As many numbers as steps: one for each.
    found.steps = of > 1 && own.steps.length === of ? own.steps.slice(at, at + 1) : own.steps;
    found.isOurs = own.isOurs;
    found.note ||= isFirst ? own.note : '';
  }
  return found;
}

function parse(paragraph: string): { steps: string[]; isOurs: boolean; note: string } {
  const text = paragraph.trim();
  const [matched = '', numbers = ''] = NUMBERED.exec(text) ?? [];
  const [ours = ''] = OURS.exec(text) ?? [];
  const note = text
    .slice(matched.length || ours.length)
    .replace(/\s+/g, ' ')
    .trim();
  return { steps: numbers.split(/[ ,]+/).filter(Boolean), isOurs: ours !== '', note };
}
