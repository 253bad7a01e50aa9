import { z } from 'zod';
import { optionsOf, type Step } from './step.ts';

const item = z.string().trim().min(1, 'is empty').max(200, 'is longer than 200 characters');

/** What only a person can do: recorded in the journal when it is reached, and part of the escalation. */
export const checklist: Step = {
  name: 'checklist',
  summary: 'Puts items that only a person can do on the escalation. It asks nobody and waits for nothing.',
  shorthand: 'items',
  changes: false,
  options: z.strictObject({
    items: z
      .union([item.transform((only) => [only]), z.array(item).min(1, 'is empty').max(20, 'has more than 20 items')])
      .describe('The item, or a list of items: up to 20, each at most 200 characters long.'),
  }),
  checks: ({ items }) =>
    (items as string[])
      .filter((one, index, all) => all.indexOf(one) < index)
      .map((one) => `items: "${one}" is in the list twice`),
  sentence: ({ items }) => `Puts on the escalation what only a person can do: ${(items as string[]).join('; ')}.`,
  says: ({ items }) => `Checklist for a person: ${(items as string[]).join('; ')}`,

  async begin() {
    return { begin: 'start', note: {} };
  },

  async poll(context) {
    const { items } = optionsOf<{ items: string[] }>(context);
    return { is: 'done', says: 'noted for the escalation', result: { checklist: items } };
  },
};
