/** The OpenAPI document of what is supported, from the schemas that check the requests. */
import { z } from 'zod';
import { VERSION } from '../../base/version.ts';
import { PAGE_DEFAULT, PAGE_MAX } from './ask.ts';
import { DESTINATION_BODIES } from './destination-operations.ts';
import { FILTER_BODIES } from './filter-operations.ts';
import { METRIC_QUERIES } from './metric-operations.ts';
import { OPERATIONS } from './operations.ts';
import { PEOPLE_BODIES } from './people-operations.ts';
import { SOURCE_BODIES } from './source-operations.ts';
import { SCHEMA_SETTINGS_BODIES } from './schema-settings.ts';
import { WAREHOUSE_BODIES } from './warehouse-operations.ts';
import { WORKSPACE_BODIES } from './workspace-operations.ts';

const BODIES: Record<string, z.ZodType> = {
  ...WORKSPACE_BODIES,
  ...PEOPLE_BODIES,
  ...SOURCE_BODIES,
  ...DESTINATION_BODIES,
  ...FILTER_BODIES,
  ...WAREHOUSE_BODIES,
  ...SCHEMA_SETTINGS_BODIES,
};
/** Operations that answer page by page. */
const PAGED = /^(list|getDaily|getEvents)|Catalog$|Overview$/;
const PAGINATION = {
  name: 'pagination',
  in: 'query',
  style: 'deepObject',
  explode: true,
  schema: {
    type: 'object',
    properties: {
      count: { type: 'integer', minimum: 1, maximum: PAGE_MAX, default: PAGE_DEFAULT },
      cursor: { type: 'string' },
    },
  },
};
const MEDIA = 'application/vnd.segment.v1+json';

export function openApiDocument(): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const { method, path, name, group, status } of OPERATIONS) {
    if (status !== 'supported') continue;
    const schema = BODIES[name];
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, own = '']) => own);
    const own = (paths[path] ??= {});
    own[method.toLowerCase()] = {
      operationId: name,
      tags: [group],
      parameters: [
        ...names.map((parameter) => ({
          name: parameter,
          in: 'path',
          required: true,
          schema: { type: 'string' },
        })),
        ...queryOf(METRIC_QUERIES[name]),
        ...(PAGED.test(name) ? [PAGINATION] : []),
      ],
      ...(schema && {
        requestBody: {
          required: true,
          content: { [MEDIA]: { schema: z.toJSONSchema(schema, { io: 'input' }) } },
        },
      }),
      responses: {
        200: { description: 'The result, in `data`.' },
        default: { description: '`errors`: type, message, and the field that is wrong.' },
      },
    };
  }
  return {
    openapi: '3.1.0',
    info: { title: "Millrace: Segment's Public API", version: VERSION },
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    security: [{ token: [] }],
    paths,
  };
}

/** What the schema of a query takes, as parameters. */
function queryOf(schema: z.ZodObject | undefined): object[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' });
  return Object.entries(properties).map(([name, own]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema: own,
  }));
}
