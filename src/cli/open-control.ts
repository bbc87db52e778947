/** The control store from the command line; the server, if one runs, sees changes in a moment. */
import type { Config } from '../config/config-schema.ts';
import { closeStore, openStore, storePlace } from '../store/store.ts';
import type { Store } from '../store/store.ts';
import { dataFolderOf } from './cli-settings.ts';
import { assertDataFolder } from './while-stopped.ts';

/** @throws MillraceError NOT_FOUND when the data folder does not exist. */
export async function withStore<T>(config: Config, work: (store: Store) => T): Promise<T> {
  const dataFolder = dataFolderOf(config);
  await assertDataFolder(dataFolder);
  const store = openStore(storePlace(config, dataFolder));
  try {
    return work(store);
  } finally {
    closeStore(store);
  }
}
