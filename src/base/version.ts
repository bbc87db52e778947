/** The version of this Millrace; a test keeps it equal to package.json. */
export const VERSION = '0.1.0';
