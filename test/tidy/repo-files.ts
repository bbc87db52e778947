/** The files of the checkout and the syntax trees of its TypeScript, for the tidy tests. */
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { API } from 'typescript/unstable/sync';
import type { Checker } from 'typescript/unstable/sync';
import type { Node, SourceFile } from 'typescript/unstable/ast';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** As in .gitignore; there may be no git where the tests run. */
const IGNORED = new Set(['node_modules', '.git', 'data', 'dist', '.cache']);

export interface CodeFile {
  /** Relative to the checkout, with `/`. */
  path: string;
  text: string;
  tree: SourceFile;
}

export interface Code {
  files: CodeFile[];
  checker: Checker;
  close(): void;
}

/** Every file that belongs to the repository, relative to the checkout, with `/`. */
export function repoFiles(folder = ROOT): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !IGNORED.has(name) && !name.endsWith('.log'))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? repoFiles(path) : [relative(ROOT, path).split(sep).join('/')];
    })
    .sort();
}

export function textOf(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** Everything that tsconfig.json covers, parsed by the compiler itself. */
export function parseCode(): Code {
  return parseProject('tsconfig.json', (path) => !path.startsWith('web/') && path.endsWith('.ts'));
}

/** The dashboard, which runs in browsers and has types of its own. */
export function parseDashboard(): Code {
  return parseProject('web/tsconfig.json', (path) => /^web\/.*\.tsx?$/.test(path));
}

function parseProject(config: string, isOwn: (path: string) => boolean): Code {
  const api = new API({ cwd: ROOT });
  const snapshot = api.updateSnapshot({ openProject: join(ROOT, config) });
  const [project] = snapshot.getProjects();
  if (project === undefined) throw new Error(`the compiler has not opened ${config}`);
  const { program, checker } = project;
  const files = repoFiles()
    .filter(isOwn)
    .map((path) => {
      const tree = program.getSourceFile(join(ROOT, path));
      if (tree === undefined) throw new Error(`${path} is not covered by ${config}`);
      return { path, text: tree.text, tree };
    });
  return { files, checker, close: () => api.close() };
}

/** The node and everything below it, parents first. */
export function* nodesOf(node: Node): Generator<Node> {
  const open: Node[] = [node];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    yield next;
    const children: Node[] = [];
    next.forEachChild((child) => void children.push(child));
    open.push(...children.toReversed());
  }
}

/** `path:line` of a node, for messages. */
export function placeOf(file: CodeFile, node: Node): string {
  return `${file.path}:${lineOf(file, node.getStart(file.tree))}`;
}

/** The line, from 1, of a position in the file's text. */
export function lineOf({ text }: CodeFile, position: number): number {
  return text.slice(0, position).split('\n').length;
}
