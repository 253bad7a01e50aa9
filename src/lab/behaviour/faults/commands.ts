import { z } from 'zod';
import { EXCHANGE_FAILURES } from '../../../ports/exchange.ts';
import { duration } from '../../world/duration.ts';
import { anywhere, common, type Fault, text } from './fault.ts';

/** Disturbances between the caller and the organisation. */
export const COMMAND_FAULTS: Fault[] = [
  anywhere({
    name: 'slow',
    description: "delays the command's answer by this time",
    options: z.strictObject({ ...common, command: text, by: duration }),
  }),
  anywhere({
    name: 'refuse',
    description:
      'the command fails with `refused`, or with the failure in `as` (`accessDenied`, `sessionLimit`, `unknown` …)',
    options: z.strictObject({ ...common, command: text, as: z.enum(EXCHANGE_FAILURES).default('refused') }),
  }),
  anywhere({
    name: 'drop-after-effect',
    description: 'the command succeeds, but its answer is lost',
    options: z.strictObject({ ...common, command: text }),
  }),
  anywhere({
    name: 'no-object',
    description: 'the probe returns a warning and no object',
    options: z.strictObject({ ...common, probe: text.optional() }),
  }),
  anywhere({
    name: 'script',
    description:
      'a script of the admin `fails`, `hangs` until its time limit, is `interrupted` half-way, or the server’s file `differs` or is `missing`',
    options: z.strictObject({
      ...common,
      script: text,
      does: z.enum(['fails', 'hangs', 'interrupted', 'differs', 'missing']),
    }),
  }),
  anywhere({
    name: 'session-limit',
    description: 'the Exchange endpoint accepts no more sessions',
    options: z.strictObject(common),
  }),
];
