/** The system's disk as a collector gets it that is to lose events; see forgetful-collectors.ts. */
import { systemDisk as honestDisk } from '../../src/base/disk.ts';
import { forgetfulDisk } from './forgetful-disk.ts';

export const systemDisk = forgetfulDisk(honestDisk);
