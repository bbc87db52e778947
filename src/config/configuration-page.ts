/** docs/configuration.md, made from the schema. */
import { destinationSchema } from './deliver-schema.ts';
import { fieldsOf } from './field-tree.ts';
import type { Field } from './field-tree.ts';
import { sourceSchema } from './source-schema.ts';

const INTRODUCTION = `# Configuration

<!-- Generated from src/config by \`npm run docs\`; do not edit. -->

Every setting has a default, so no configuration is needed to start. A value is taken from the
command line, else from the environment, else from the file, else it is the default.

- The file is \`millrace.yaml\` in the folder Millrace is started in, or the one that
  \`--config\` or \`MILLRACE_CONFIG\` names.
- Each setting has an environment variable, named below. Lists are separated by commas; objects are
  JSON; \`null\` unsets what may be null; an empty variable counts as absent.
- Bytes may be written with a unit: \`64MiB\`, \`1.5GB\`.
- Paths are relative to the folder Millrace is started in.
- An unknown key, an unknown \`MILLRACE_\` variable or a value that is not allowed stops the start,
  with every problem listed. (Variables that Kubernetes sets for a service named \`millrace\` are
  ignored.)
- \`millrace config --print\` shows the effective configuration, secrets masked.

\`\`\`yaml
collector:
  port: 8080
  publicUrl: https://events.example.com
  trustedProxies: [10.0.0.0/8]
sources:
  - name: Shop
    slug: shop
    environment: production
    writeKeys: [replace-this-key-by-your-own-32ch]
    limits: { requestsPerSecond: 5000 }
\`\`\`
`;

const SOURCES_TEXT = `Each of \`sources\`. What is declared in the file wins over what was changed
elsewhere, at each start; a source that is no longer declared is kept as it is, with its keys from
the file disabled. Write keys are stored as SHA-256 digests only.
`;

const DESTINATIONS_TEXT = `Each of \`destinations\`, as in the example of
[docs/delivery.md](../docs/delivery.md#connect). In \`settings\`, \`\${NAME}\` is taken from the
environment. The file wins here, too; a destination that is no longer declared is disabled.
`;

/** The whole page, as committed. */
export function configurationPage(): string {
  const sections = Map.groupBy(fieldsOf(), ({ path }) => (path.length > 1 ? (path[0] ?? '') : ''));
  // Aligned columns of these widths could not be read; so the formatter leaves the tables alone.
  const parts = [INTRODUCTION, '<!-- prettier-ignore-start -->\n'];
  for (const [section, fields] of sections) {
    parts.push(`## ${section === '' ? 'General' : section}\n`, table(fields));
  }
  parts.push('## sources[]\n', SOURCES_TEXT, table(fieldsOf(sourceSchema, ['sources[]']), false));
  const ofDestination = fieldsOf(destinationSchema, ['destinations[]']);
  parts.push('## destinations[]\n', DESTINATIONS_TEXT, table(ofDestination, false));
  parts.push('<!-- prettier-ignore-end -->\n');
  return parts.join('\n');
}

function table(fields: readonly Field[], hasEnv = true): string {
  const heads = ['Path', 'Type', 'Default', 'Unit', ...(hasEnv ? ['Environment'] : []), 'Meaning'];
  const rows = fields.map(({ path, notes, env, defaultValue, isRequired }) => [
    code(path.filter((part) => !part.endsWith('[]')).join('.')),
    notes.allowed ?? '',
    defaultText(defaultValue, isRequired),
    notes.unit ?? '',
    ...(hasEnv ? [code(env)] : []),
    notes.description ?? '',
  ]);
  const lines = [heads, heads.map(() => '---'), ...rows];
  return `${lines.map((cells) => `| ${cells.map(escaped).join(' | ')} |`).join('\n')}\n`;
}

function defaultText(defaultValue: unknown, isRequired: boolean): string {
  if (isRequired) return 'required';
  return defaultValue === undefined ? '' : code(JSON.stringify(defaultValue));
}

function code(text: string): string {
  return `\`${text}\``;
}

function escaped(cell: string): string {
  return cell.replaceAll('|', '\\|');
}
