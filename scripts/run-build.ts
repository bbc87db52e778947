/** Runs a build as a program of its own: what went wrong is a sentence for whoever started it. */
export async function runBuild(build: () => Promise<unknown>): Promise<void> {
  try {
    await build();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
