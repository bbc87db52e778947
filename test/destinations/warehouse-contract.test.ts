/** The contract of destinations, for the warehouses, each behind a proxy that can fail. */
import { after, before, describe } from 'node:test';
import type { Destination, DestinationType } from '../../src/destinations/destination-contract.ts';
import { clickhouse } from '../../src/destinations/clickhouse/clickhouse.ts';
import { postgres } from '../../src/destinations/postgres/postgres.ts';
import { clickHouseSkip, startClickHouse } from '../support/clickhouse-server.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import type { CuttingProxy } from '../support/cutting-proxy.ts';
import { destinationContext } from '../support/delivery-events.ts';
import { postgresSkip, startPostgres } from '../support/postgres-server.ts';
import { openNet } from '../support/warehouse-delivery.ts';
import { runContractSuite } from './contract-suite.ts';
import type { DestinationHarness, FailureMode } from './contract-suite.ts';

const TABLES = ['tracks', 'identifies', 'pages', 'screens', 'groups', 'aliases'];
/** Rows of calls; what was not delivered yet has no table. */
const IDS = (schema: string, tables: readonly string[]) =>
  tables.map((table) => `select id from ${schema}.${table}`).join(' union all ');

interface Server {
  port: number;
  query(text: string): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

interface Warehouse {
  type: DestinationType;
  start(): Promise<Server>;
  settings(port: number): Record<string, unknown>;
  /** Names, as `name`, of the tables of the schema `shop`. */
  tablesQuery: string;
  format: string;
  /** HTTP answers by mode. */
  answers: Partial<Record<FailureMode, string>>;
  /** Statements on the server by mode. */
  statements: Partial<Record<FailureMode | 'heal', string>>;
}

const WAREHOUSES: [name: string, skip: string | false, warehouse: Warehouse][] = [
  [
    'PostgreSQL',
    postgresSkip(),
    {
      type: postgres,
      async start() {
        const server = await startPostgres();
        await server.query(`create role loader login password 'secret'`);
        await server.query('grant create on database postgres to loader');
        return server;
      },
      settings: (port) => ({
        host: '127.0.0.1',
        port,
        database: 'postgres',
        user: 'loader',
        password: 'secret',
        ssl: 'disable',
      }),
      tablesQuery: `select relname as name from pg_class where relkind = 'r'
        and relnamespace = to_regnamespace('shop')`,
      format: '',
      answers: {},
      statements: {
        refuse: 'alter role loader nologin',
        'rate-limit': 'alter role loader connection limit 0',
        heal: 'alter role loader login connection limit -1',
      },
    },
  ],
  [
    'ClickHouse',
    await clickHouseSkip(),
    {
      type: clickhouse,
      start: startClickHouse,
      settings: (port) => ({ url: `http://127.0.0.1:${port}/`, password: 'correct horse' }),
      tablesQuery: `select name from system.tables where database = 'shop'`,
      format: ' format JSONEachRow',
      answers: {
        refuse: httpAnswer('400 Bad Request'),
        'rate-limit': httpAnswer('429 Too Many Requests'),
      },
      statements: {},
    },
  ],
];

function httpAnswer(status: string): string {
  return `HTTP/1.1 ${status}\r\nretry-after: 3\r\ncontent-length: 2\r\n\r\nno`;
}

for (const [name, skip, warehouse] of WAREHOUSES) {
  describe(name, { skip }, () => {
    let server: Server;
    let proxy: CuttingProxy;
    const closers: (() => Promise<void>)[] = [];
    before(async () => {
      server = await warehouse.start();
      proxy = await startCuttingProxy(server.port);
    });
    after(async () => {
      for (const close of closers) await close();
      await proxy.close();
      await server.stop();
    });

    const open = async (): Promise<Destination> => {
      const { context, close } = await destinationContext();
      const net = openNet([proxy.port]);
      closers.push(close, () => net.close());
      const settings = warehouse.type.parseSettings(warehouse.settings(proxy.port), net);
      return warehouse.type.open(settings, { ...context, net });
    };
    const received: DestinationHarness['received'] = async () => {
      const found = await server.query(warehouse.tablesQuery + warehouse.format);
      const tables = TABLES.filter((table) => found.some((row) => row['name'] === table));
      if (tables.length === 0) return [];
      const rows = await server.query(IDS('shop', tables) + warehouse.format);
      return rows.map(({ id }) => ({ messageId: String(id) }));
    };
    runContractSuite(name, {
      open,
      received,
      async fail(mode) {
        const statement = warehouse.statements[mode];
        const answer = warehouse.answers[mode];
        if (statement) await server.query(statement);
        else if (answer) proxy.setMode({ answer });
        else proxy.setMode(mode === 'hang' ? 'silence' : 'hang-up');
      },
      async heal() {
        proxy.setMode('pass');
        if (warehouse.statements.heal) await server.query(warehouse.statements.heal);
      },
      isReached: () => proxy.connections() > 0,
    });
  });
}
