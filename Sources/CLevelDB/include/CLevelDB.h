// All that Swift sees of LevelDB: its C interface, as Debian's libleveldb-dev installs it, and the environment that
// makes its synced writes cheap.
#ifndef ATOLL_CLEVELDB_H
#define ATOLL_CLEVELDB_H

#include <leveldb/c.h>

#ifdef __cplusplus
extern "C" {
#endif

/// LevelDB's own environment, but for the write-ahead logs (LogEnvironment.cpp). One for the whole process; never to be
/// destroyed.
leveldb_env_t *atoll_leveldb_log_environment(void);

#ifdef __cplusplus
}
#endif

#endif
