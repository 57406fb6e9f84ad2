import { ErrorCode, MeshError } from '../errors';

/** A command that the kubelet can run, as a copy. */
export function requireCommand(command: readonly string[]): string[] {
  if (command.length === 0 || command[0] === '') {
    throw new MeshError(ErrorCode.INVALID_WORKLOAD, 'command is empty; it names a program and its arguments');
  }
  return [...command];
}
