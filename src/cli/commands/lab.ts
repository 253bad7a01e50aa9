import { type Command, Option } from 'commander';
import type { ServedLab } from '../../adapters/lab/serve.ts';
import { RECORDED_CURES, type RecordedCure } from '../../lab/replay/parts.ts';
import { readOrganisation } from '../../lab/world/organisation.ts';
import { readRecording } from '../../recording/file.ts';
import { type CliContext, print } from '../context.ts';
import { UsageError, whyNotStarted } from '../errors.ts';
import { plain } from '../output/text.ts';
import { untilStopped } from '../until-stopped.ts';
import { speed as aSpeed, port, wholeNumber } from '../values.ts';

export function labCommand(program: Command, context: CliContext): void {
  program
    .command('lab')
    .description('run the simulated Exchange organisation as a separate process')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port to listen on; 0 picks a free one', port, 8090)
    .option('--speed <factor>', 'how much faster than real time the lab runs: 600 is ten minutes per second', aSpeed, 1)
    .option('--seed <number>', 'seed of all randomness', wholeNumber)
    .option('--organisation <file>', 'file that describes the organisation (default: contoso.com)')
    .option('--recording <file>', 'start from this recording, made with "record"')
    .addOption(
      new Option('--cure <what>', 'what makes unhealthy monitors of the recording healthy again')
        .choices(RECORDED_CURES)
        .default('restart-service'),
    )
    .option('--keep <file>', 'file that keeps the state of the lab')
    .action(async (options: LabOptions, command: Command) => {
      const lab = await begin(options);
      const { notes } = lab.lab;
      for (const note of notes) process.stderr.write(`${plain(note)}\n`);
      print(
        command,
        context,
        { url: lab.url, speed: options.speed, ...(notes.length > 0 && { notes }) },
        () => `The lab is at ${lab.url}, at speed ${options.speed}: ${lab.url}/lab/v1/organisation\n`,
      );
      await untilStopped();
      await lab.close();
      process.exit(0);
    });
}

async function begin({ organisation, recording, keep, ...rest }: LabOptions): Promise<ServedLab> {
  if (organisation !== undefined && recording !== undefined) {
    throw new UsageError('Use --organisation or --recording, not both.');
  }
  try {
    const { serveLab } = await import('../../adapters/lab/serve.ts');
    return await serveLab({
      ...rest,
      ...(organisation !== undefined && { organisation: readOrganisation(organisation) }),
      ...(recording !== undefined && { recording: readRecording(recording) }),
      ...(keep !== undefined && { persist: keep, onTrouble: (says) => process.stderr.write(`${plain(says)}\n`) }),
    });
  } catch (error) {
    throw whyNotStarted(error);
  }
}

interface LabOptions {
  host: string;
  port: number;
  speed: number;
  seed?: number;
  organisation?: string;
  recording?: string;
  cure: RecordedCure;
  keep?: string;
}
