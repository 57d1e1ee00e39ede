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
/// data; for databases all of whose writes are synced. `expects_log`: the database is there already, so it must have a
/// log. For one database; to be destroyed with `leveldb_env_destroy` after it is closed.
leveldb_env_t *atoll_leveldb_log_environment_create(unsigned char fills_logs, unsigned char expects_log);

/// What a directory holds of a database.
typedef enum {
    /// There is no such directory.
    atoll_leveldb_absent,
    /// No table and no log: at the most what a creation left that was broken off.
    atoll_leveldb_vacant,
    /// A database.
    atoll_leveldb_present,
    /// Tables or logs without `CURRENT`: LevelDB would begin anew, and remove them.
    atoll_leveldb_headless
} atoll_leveldb_presence_t;

atoll_leveldb_presence_t atoll_leveldb_presence(const char *path);

/// After opening: the database's log was not there, though it was expected. Whatever it held is lost.
unsigned char atoll_leveldb_lacks_log(leveldb_env_t *environment);

/// The value under `key`, in memory of the calling thread that its next look-up uses again; null if there is none, or
/// with an error, told as LevelDB's own calls do.
const char *atoll_leveldb_get(leveldb_t *database, const leveldb_readoptions_t *options, const char *key,
                              size_t key_length, size_t *length, char **errptr);

/// Waits until all synced writes that have returned are on the disk: `leveldb_write` only begins a sync. Returns as
/// LevelDB's own calls do; after an error the database is not to be used any more.
void atoll_leveldb_finish_sync(leveldb_env_t *environment, char **errptr);

/// Syncs that were begun and are not known to be on the disk.
uint64_t atoll_leveldb_open_syncs(leveldb_env_t *environment);

#ifdef __cplusplus
}
#endif

#endif
