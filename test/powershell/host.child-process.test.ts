import { inject } from 'vitest';
import { powerShellHostContract } from '../contracts/powershell-host.ts';

powerShellHostContract('child_process', inject('engines'));
