/** The `millrace` command: what there is, and how failures become exit codes. */
import { Command, CommanderError } from 'commander';
import { VERSION } from '../base/version.ts';
import { addConfigCodeCommands } from './config-code-commands.ts';
import { addConfigCommand } from './config-command.ts';
import { addDeadLettersCommands } from './dead-letters-commands.ts';
import { addDestinationsCommands } from './destinations-commands.ts';
import { endWithReader, exitCodeOf, reportFailure } from './command-failures.ts';
import { addInspectLogCommand } from './inspect-log-command.ts';
import { addKeysCommands } from './keys-commands.ts';
import { addReplayCommands } from './replay-commands.ts';
import { addSecretsCommands } from './secrets-commands.ts';
import { addSendCommand } from './send-command.ts';
import { addServeCommand } from './serve-command.ts';
import { addSourcesCommands } from './sources-commands.ts';
import { addSqlCommand } from './sql-command.ts';
import { addSuppressionsCommands } from './suppressions-commands.ts';
import { addTailCommand } from './tail-command.ts';
import { addTokensCommands } from './tokens-commands.ts';
import { addTraceCommand } from './trace-command.ts';
import { addUsersCommands } from './users-commands.ts';
import { addVerifyCommand } from './verify-command.ts';

const program = new Command('millrace')
  .description('Self-hosted, Segment-compatible event pipeline')
  .version(VERSION)
  .showHelpAfterError('(see --help)')
  .exitOverride()
  .addHelpText(
    'after',
    '\nExit codes: 0 done, 1 failed, 2 wrong usage. Settings: millrace.yaml or MILLRACE_… variables.',
  );

addServeCommand(program);
addSendCommand(program);
addTailCommand(program);
addSqlCommand(program);
addKeysCommands(program);
addSourcesCommands(program);
addDestinationsCommands(program);
addDeadLettersCommands(program);
addReplayCommands(program);
addTraceCommand(program);
addSuppressionsCommands(program);
addUsersCommands(program);
addTokensCommands(program);
addSecretsCommands(program);
addInspectLogCommand(program);
addVerifyCommand(program);
addConfigCommand(program);
addConfigCodeCommands(program);
for (const command of allCommands(program)) {
  command.exitOverride().showHelpAfterError('(see --help)');
}

program.hook('preAction', (_program, command) => {
  if (command.name() !== 'serve') process.stdout.on('error', endWithReader);
});

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) reportFailure(error, process.argv.includes('--json'));
  process.exitCode = exitCodeOf(error);
}

function allCommands(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...allCommands(child)]);
}
