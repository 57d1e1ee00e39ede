// All that Swift sees of LevelDB: its C interface, as Debian's libleveldb-dev installs it, and the environment that
// makes its synced writes cheap.
#ifndef ATOLL_CLEVELDB_H
#define ATOLL_CLEVELDB_H

#include <leveldb/c.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// LevelDB's own environment, but for the write-ahead logs (LogEnvironment.cpp). `fills_logs`: write zeros ahead of the
/// data; for databases all of whose writes are synced. For one database; to be destroyed with `leveldb_env_destroy`
/// after it is closed.
leveldb_env_t *atoll_leveldb_log_environment_create(unsigned char fills_logs);

/// Waits until all synced writes that have returned are on the disk: `leveldb_write` only begins a sync. Returns as
/// LevelDB's own calls do; after an error the database is not to be used any more.
void atoll_leveldb_finish_sync(leveldb_env_t *environment, char **errptr);

/// Syncs that were begun and are not known to be on the disk.
uint64_t atoll_leveldb_open_syncs(leveldb_env_t *environment);

#ifdef __cplusplus
}
#endif

#endif
