/** What docs/quickstart.md needs beyond `toolchains.ts`: Kotlin's compiler, and React Native. */
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  missing,
  must,
  prepareFolder,
  prepareJars,
  programInPath,
  toolchain,
} from './toolchains.ts';
import type { Found } from './toolchains.ts';

/** Fixed, so that a new release of an SDK shows up as a change of this file. */
export const KOTLIN_SDK = '1.25.0';
const KOTLIN_COMPILER = '2.0.21';
const REACT_NATIVE_SDK = '2.24.1';

/** Java with a class path that holds Segment's SDK for Kotlin, and the compiler. */
export async function prepareKotlinJars(): Promise<
  Found<{ java: string; keytool: string; classpath: string }>
> {
  const found = await toolchain('java');
  if (!found.ok) return found;
  const { java, maven } = found;
  const jars = await prepareJars(`kotlin-${KOTLIN_SDK}`, maven, [
    { groupId: 'com.segment.analytics.kotlin', artifactId: 'core', version: KOTLIN_SDK },
    {
      groupId: 'org.jetbrains.kotlin',
      artifactId: 'kotlin-compiler-embeddable',
      version: KOTLIN_COMPILER,
    },
  ]);
  if (!jars.ok) return jars;
  const keytool = join(dirname(found.javac), 'keytool');
  return { ok: true, java, keytool, classpath: jars.classpath };
}

/**
 * A folder with Segment's SDK for React Native, and without React Native, which nothing but a phone
 * can run. No dependency of ours, because npm would then install all of React Native.
 */
export async function prepareReactNative(): Promise<Found<{ folder: string }>> {
  const npm = programInPath(['npm']);
  if (npm === undefined) return missing('npm is not in PATH');
  return prepareFolder(`react-native-${REACT_NATIVE_SDK}`, async (folder) => {
    await writeFile(join(folder, 'package.json'), '{ "private": true }\n');
    const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'];
    const wanted = [
      `@segment/analytics-react-native@${REACT_NATIVE_SDK}`,
      '@segment/sovran-react-native@1.1.5',
    ];
    await must(npm, ['install', '--legacy-peer-deps', ...quiet, ...wanted], { folder });
  });
}
