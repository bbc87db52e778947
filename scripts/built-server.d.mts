export declare const BUILDS: string;
export declare function builtServer(): { folder: string; main: string; isBuilt: boolean };
