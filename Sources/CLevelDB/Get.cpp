// A look-up without an allocation: LevelDB's C interface makes two copies of each value, each in memory that is new.

#include "CLevelDB.h"

#include <cstring>
#include <string>

#include <leveldb/db.h>
#include <leveldb/options.h>
#include <leveldb/slice.h>
#include <leveldb/status.h>

// As leveldb/db/c.cc defines them: the C interface gives no other way to what it hands out.
struct leveldb_t {
    leveldb::DB *rep;
};
struct leveldb_readoptions_t {
    leveldb::ReadOptions rep;
};

namespace {

/// Room that a thread keeps from one look-up to the next, bytes: the usual values, megabytes among them.
constexpr size_t kKept = 2 << 20;

}  // namespace

const char *atoll_leveldb_get(leveldb_t *database, const leveldb_readoptions_t *options, const char *key,
                              size_t key_length, size_t *length, char **errptr) {
    static thread_local std::string value;
    if (value.capacity() > kKept) std::string().swap(value);
    const leveldb::Status status = database->rep->Get(options->rep, leveldb::Slice(key, key_length), &value);
    if (status.ok()) {
        *length = value.size();
        return value.data();
    }
    if (!status.IsNotFound()) *errptr = ::strdup(status.ToString().c_str());
    return nullptr;
}
