import { type Command, Option } from 'commander';
import { MODES } from '../../../incident/plan.ts';
import { type CliContext, wantsJson } from '../../context.ts';
import { talking } from '../../daemon/connect.ts';
import { UsageError } from '../../errors.ts';
import { instant, wholeNumber } from '../../values.ts';
import type { Options } from './options.ts';
import { simulate } from './play.ts';
import { askWhatIf } from './what-if.ts';

export function simulateCommand(program: Command, context: CliContext): void {
  const several = (value: string, before: string[] = []) => [...before, value];
  talking(program.command('simulate'))
    .description('play a whole incident on a simulated organisation, in a moment; needs no daemon and changes nothing')
    .option(
      '--fault <fault>',
      'what is wrong, with its options: "unhealthy healthSet=OWA cure=restart-server"; may be repeated',
      several,
    )
    .option('--server <name>', 'the server of the fault and of the alert')
    .option('--monitor <name>', 'the monitor of the alert: HealthSet\\Monitor (default: the first that is unhealthy)')
    .option('--playbook <file>', 'use these playbooks instead of the configured folder; may be repeated', several)
    .option('--organisation <file>', 'play on this organisation (default: lab.organisation)')
    .option('--recording <file>', 'play on this recording (default: lab.recording)')
    .addOption(
      new Option('--cure <cure>', 'what cures the monitors that are unhealthy in the recording').choices([
        'restart-service',
        'restart-server',
        'fail-over',
        'none',
      ]),
    )
    .option('--seed <number>', 'seed of the lab’s random choices', wholeNumber)
    .option('--incident <id>', 'play a past incident again: a running daemon provides its journal')
    .option('--journal <file>', 'play a past incident again: the JSON that /api/v1/incidents/:id/journal answered')
    .addOption(
      new Option('--mode <mode>', 'play every playbook in this mode (default: as configured)').choices([...MODES]),
    )
    .option('--approve', 'people approve whenever they are asked')
    .option('--reject', 'people reject whenever they are asked')
    .option('--at <time>', 'when it begins, such as 2026-12-08T22:30+01:00 (default: now)', instant)
    .option('--step', 'stop before each decision, with the answers of the guards')
    .option('--record <name>', 'write a scenario of this name for "playbooks test" that expects what happens')
    .option('--record-to <file>', 'file of that scenario (default: named after it, in the folder of the scenarios)')
    .option(
      '--what-if',
      'ask the running daemon what it would do now if this alert came; nothing is simulated or changed',
    )
    .addHelpText(
      'after',
      `
Examples:
  second-responder simulate --fault imap-backend-wedged --server mbx1
  second-responder simulate --fault imap-proxy-hang --server cas1 --fault "refuse command=Restart-Service"
  second-responder simulate --recording ours.json --server srv4 --step
  second-responder simulate --what-if --server mbx1 --monitor 'IMAP.Protocol\\ImapSelfTestMonitor'`,
    )
    .action(async (options: Options, command: Command) => {
      check(options, command);
      if (options.whatIf) return askWhatIf(options, command, context);
      if (!(await simulate(options, command, context))) context.fail();
    });
}

function check(options: Options, command: Command): void {
  const both = (one: keyof Options, other: keyof Options) => {
    if (options[one] !== undefined && options[other] !== undefined)
      throw new UsageError(`--${one} cannot be combined with --${other}.`);
  };
  both('organisation', 'recording');
  both('incident', 'journal');
  both('approve', 'reject');
  if (options.recordTo !== undefined && options.record === undefined)
    throw new UsageError('--record-to requires --record with the name of the scenario.');
  if (options.step && wantsJson(command)) throw new UsageError('--step cannot be combined with --json.');
  if (options.whatIf && options.server === undefined) throw new UsageError('--what-if needs a --server.');
  const simulated = (
    ['fault', 'playbook', 'organisation', 'recording', 'incident', 'journal', 'mode', 'step'] as const
  ).find((name) => options[name] !== undefined);
  if (options.whatIf && simulated)
    throw new UsageError(`--what-if asks about the live organisation: it cannot be combined with --${simulated}.`);
  if (options.fault && (options.incident ?? options.journal) !== undefined)
    throw new UsageError('A past incident says what was wrong: it cannot be combined with --fault.');
}
