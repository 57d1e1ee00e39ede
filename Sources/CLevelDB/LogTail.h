// What a crash leaves at the end of one of LevelDB's logs (LogTail.cpp), and how a failed system call is told.

#ifndef ATOLL_LOG_TAIL_H
#define ATOLL_LOG_TAIL_H

#include <string>

#include <leveldb/status.h>

namespace atoll_leveldb {

leveldb::Status Failure(const std::string &file, const char *what);

/// Cuts the log off behind its last whole record, if what follows is what a torn write leaves.
leveldb::Status TrimLog(const std::string &file);

}  // namespace atoll_leveldb

#endif
