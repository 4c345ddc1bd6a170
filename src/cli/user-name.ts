import { userInfo } from 'node:os';

/** The user of this machine, for what is kept of who did something. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // In a container the user may have no name.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
