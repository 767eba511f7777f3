import type { Session } from '../../src/models/session.ts';

/** The session, with another `run` before its own. */
export function withRun(session: Session, run: Session['run']): Session {
  const { inputs, outputs } = session;
  return { inputs, outputs, run, release: () => session.release() };
}
