// LevelDB's write-ahead logs, in files that are longer than what is in them; and its tables, in files that do not leave
// all their work to their last moment (`TableFile`).
//
// A file that grows with each write makes each fdatasync write twice: the data, and then the inode with the new
// length. A log is therefore filled with zeros some way ahead of what is written, as etcd does with its own, and a
// synced write then only replaces bytes (docs/BENCHMARKS.md). A clean stop cuts the zeros off. After a crash they are
// still there, and LevelDB takes them for the end of the log, as long as the log ends with a whole record. A write
// that the crash cut in two ends it otherwise, and must not be mistaken for damage: it was never acknowledged. So
// before LevelDB reads a log again, `TrimLog` cuts it off behind the last whole record, if what follows shows the marks
// of a torn write:
//
//   - nothing but zeros to the end of the file, or
//   - a record that lacks a disk sector (the sector is all zeros), with no other write behind it.
//
// The second is the rule of etcd's log too (wal/decoder.go, isTornEntry): sectors are written whole or not at all, and
// no write begins before the one before it is synced. All else is left as it is, for LevelDB to call corruption. So only
// logs of stores that sync all their writes are filled: of others the disk may have later writes and lack earlier ones.
//
// A sync has two halves, so that the disk and the processor work at a time: LevelDB's call begins it, LevelDB then puts
// the write into its memtable, and `atoll_leveldb_finish_sync` waits for the disk. Nobody may be told of a write, or be
// shown it, before that.
//
// The format of a log (doc/log_format.md of LevelDB): blocks of 32 KiB, in them records of a checksum (4 bytes, of type
// and data, masked), a length (2 bytes) and a type (1 byte) before their data, least significant byte first. A write is
// one full record, or a first, middle ones and a last. No record begins in the last six bytes of a block.

#include "CLevelDB.h"
#include "LogTail.h"

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <leveldb/env.h>
#include <leveldb/slice.h>
#include <leveldb/status.h>

// As leveldb/db/c.cc defines it, where only `rep` is read. The C interface has no other way to hand in an environment.
struct leveldb_env_t {
    leveldb::Env *rep;
    bool is_default;
};

namespace {

using leveldb::Slice;
using leveldb::Status;

/// How far the zeros reach ahead when they are renewed, bytes: some fifty group commits, and a sixteenth of the
/// smallest log (4 MiB; a log is as long as its write buffer).
constexpr off_t kAhead = 256 << 10;
/// A synced write of this size or more, bytes, pays for the inode by itself.
constexpr off_t kLargeWrite = 64 << 10;
/// What is collected before it goes to the file without being flushed, bytes; as LevelDB's own files do it.
constexpr size_t kBuffer = 64 << 10;
/// Of a table, bytes written between two beginnings of writing back.
constexpr off_t kStride = 1 << 20;

/// Writes all of it at `offset`; false, with errno, if that failed.
bool WriteAt(int descriptor, const char *bytes, size_t count, off_t offset) {
    while (count > 0) {
        const ssize_t written = ::pwrite(descriptor, bytes, count, offset);
        if (written < 0) {
            if (errno == EINTR) continue;
            return false;
        }
        bytes += written;
        count -= static_cast<size_t>(written);
        offset += written;
    }
    return true;
}

class LogFile;

/// The syncs that were begun and not finished yet, in the log that is being written. A log that LevelDB turns away from
/// is finished before there is another.
class Syncs {
  public:
    /// Called by the one thread that writes the log.
    void Begin() { begun_.fetch_add(1); }

    /// Waits until all that was begun before this call is on the disk. After a failure nothing is ever finished again.
    Status Finish() {
        const uint64_t wanted = begun_.load();
        if (finished_.load() >= wanted) return Status::OK();
        const std::lock_guard<std::mutex> lock(mutex_);
        return FinishLocked(wanted);
    }

    uint64_t Open() const {
        const uint64_t finished = finished_.load();
        return begun_.load() - finished;
    }

    /// Makes `log` the one that is written, once the one before it is finished.
    Status TurnTo(LogFile *log) {
        const std::lock_guard<std::mutex> lock(mutex_);
        const Status finished = FinishLocked(begun_.load());
        if (finished.ok()) current_ = log;
        return finished;
    }

    /// `log` is about to be closed.
    Status Leave(const LogFile *log) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (current_ != log) return Status::OK();
        const Status finished = FinishLocked(begun_.load());
        current_ = nullptr;
        return finished;
    }

  private:
    Status FinishLocked(uint64_t wanted);

    std::mutex mutex_;
    LogFile *current_ = nullptr;
    Status failure_;
    std::atomic<uint64_t> begun_{0}, finished_{0};
};

/// Asks the kernel to begin writing these bytes to the disk, and waits for nothing. Where it can't be begun ahead,
/// fdatasync does all of it; any other error may be told only once.
Status BeginWriteBack(const std::string &name, int descriptor, off_t from, off_t to) {
    if (::sync_file_range(descriptor, from, to - from, SYNC_FILE_RANGE_WRITE) == 0 || errno == ENOSYS || errno == EINVAL ||
        errno == ESPIPE)
        return Status::OK();
    return atoll_leveldb::Failure(name, "sync_file_range");
}

/// What logs and tables share: a file that is written from its beginning, and what is collected for it.
class BufferedFile : public leveldb::WritableFile {
  public:
    BufferedFile(std::string name, int descriptor) : name_(std::move(name)), descriptor_(descriptor) {}
    BufferedFile(const BufferedFile &) = delete;
    BufferedFile &operator=(const BufferedFile &) = delete;

    Status Append(const Slice &data) override {
        buffer_.append(data.data(), data.size());
        return buffer_.size() < kBuffer ? Status::OK() : Flush();
    }

  protected:
    /// What was collected goes to the file.
    Status WriteOut() {
        if (!WriteAt(descriptor_, buffer_.data(), buffer_.size(), length_)) return atoll_leveldb::Failure(name_, "write");
        length_ += static_cast<off_t>(buffer_.size());
        buffer_.clear();
        return Status::OK();
    }

    /// Waits until all that was written is on the disk.
    Status WaitForDisk() {
        return ::fdatasync(descriptor_) == 0 ? Status::OK() : atoll_leveldb::Failure(name_, "fdatasync");
    }

    Status CloseDescriptor() {
        const int result = ::close(descriptor_);
        descriptor_ = -1;
        return result == 0 ? Status::OK() : atoll_leveldb::Failure(name_, "close");
    }

    const std::string name_;
    int descriptor_;
    std::string buffer_;
    /// How far the file is written.
    off_t length_ = 0;
    /// How far writing back has begun.
    off_t begun_ = 0;
};

/// Its pages go to the disk while it is written. What its one sync at the end would find left, a whole write buffer of
/// it, stands in the disk's queue before the logs' syncs, for which requests wait.
class TableFile final : public BufferedFile {
  public:
    using BufferedFile::BufferedFile;
    ~TableFile() override {
        if (descriptor_ >= 0) Close();
    }

    Status Flush() override {
        const Status written = WriteOut();
        if (!written.ok() || length_ - begun_ < kStride) return written;
        const off_t from = std::exchange(begun_, length_);
        return BeginWriteBack(name_, descriptor_, from, length_);
    }

    Status Sync() override {
        const Status written = WriteOut();
        return written.ok() ? WaitForDisk() : written;
    }

    Status Close() override {
        const Status written = WriteOut();
        const Status closed = CloseDescriptor();
        return written.ok() ? closed : written;
    }
};

class LogFile final : public BufferedFile {
  public:
    LogFile(std::string name, int descriptor, Syncs *syncs, bool fills)
        : BufferedFile(std::move(name), descriptor), syncs_(syncs), fills_(fills) {}
    ~LogFile() override {
        if (descriptor_ >= 0) Close();
    }

    Status Flush() override {
        if (buffer_.empty()) return Status::OK();
        // Another thread's write, in a store that several threads write to: see above on torn writes.
        const Status finished = syncs_->Finish();
        if (!finished.ok()) return finished;
        const Status written = WriteOut();
        if (length_ > end_) end_ = length_;
        return written;
    }

    /// Begins a sync.
    Status Sync() override {
        const Status flushed = Flush();
        if (!flushed.ok()) return flushed;
        const off_t written = length_ - begun_;
        // Before they run out for another write like this one.
        if (fills_ && end_ - length_ < written && written < kLargeWrite) FillAhead();
        const Status begun = BeginWriteBack(name_, descriptor_, begun_, length_);
        if (!begun.ok()) return begun;
        begun_ = length_;
        syncs_->Begin();
        return Status::OK();
    }

    Status Finish() { return WaitForDisk(); }

    Status Close() override {
        Status status = Flush();
        const Status finished = syncs_->Leave(this);
        if (status.ok()) status = finished;
        if (::ftruncate(descriptor_, length_) != 0 && status.ok()) status = atoll_leveldb::Failure(name_, "truncate");
        const Status closed = CloseDescriptor();
        return status.ok() ? closed : status;
    }

  private:
    void FillAhead() {
        static const std::string zeros(kAhead, '\0');
        // A disk without room for zeros may still have some for data; this log then grows as it is written.
        fills_ = WriteAt(descriptor_, zeros.data(), zeros.size(), end_);
        if (fills_) end_ += kAhead;
    }

    Syncs *const syncs_;
    /// How far the file reaches at least. Invariant: zeros from `length_` to the file's end.
    off_t end_ = 0;
    bool fills_;
};

Status Syncs::FinishLocked(uint64_t wanted) {
    if (!failure_.ok() || finished_.load() >= wanted) return failure_;
    const uint64_t begun = begun_.load();
    if (current_ != nullptr) failure_ = current_->Finish();
    if (failure_.ok()) finished_.store(begun);
    return failure_;
}

// MARK: The environment

bool EndsWith(const std::string &file, const std::string &ending) {
    return file.size() > ending.size() && file.compare(file.size() - ending.size(), ending.size(), ending) == 0;
}

bool IsLog(const std::string &file) { return EndsWith(file, ".log"); }
/// Tables had another ending once, and LevelDB still reads it.
bool IsTable(const std::string &file) { return EndsWith(file, ".ldb") || EndsWith(file, ".sst"); }

/// So that a log is found after a crash: its name is the directory's data, not its own.
bool SyncDirectory(const std::string &file) {
    const size_t slash = file.rfind('/');
    const std::string directory = slash == std::string::npos ? "." : file.substr(0, slash);
    const int descriptor = ::open(directory.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return false;
    const bool synced = ::fsync(descriptor) == 0;
    ::close(descriptor);
    return synced;
}

class LogEnvironment final : public leveldb::EnvWrapper {
  public:
    LogEnvironment(bool fills, bool expects_log)
        : EnvWrapper(leveldb::Env::Default()), fills_(fills), lacks_log_(expects_log) {}

    Status FinishSync() { return syncs_.Finish(); }
    uint64_t OpenSyncs() const { return syncs_.Open(); }
    bool LacksLog() const { return lacks_log_.load(); }

    Status NewWritableFile(const std::string &file, leveldb::WritableFile **result) override {
        if (!IsLog(file) && !IsTable(file)) return EnvWrapper::NewWritableFile(file, result);
        *result = nullptr;
        const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (descriptor < 0) return atoll_leveldb::Failure(file, "open");
        if (IsTable(file)) {
            *result = new TableFile(file, descriptor);
            return Status::OK();
        }
        Status status = SyncDirectory(file) ? Status::OK() : atoll_leveldb::Failure(file, "sync of its directory");
        LogFile *const log = new LogFile(file, descriptor, &syncs_, fills_);
        if (status.ok()) status = syncs_.TurnTo(log);
        if (status.ok()) {
            *result = log;
        } else {
            delete log;
        }
        return status;
    }

    Status NewSequentialFile(const std::string &file, leveldb::SequentialFile **result) override {
        *result = nullptr;
        if (IsLog(file)) {
            const Status trimmed = atoll_leveldb::TrimLog(file);
            if (!trimmed.ok()) return trimmed;
        }
        const Status status = EnvWrapper::NewSequentialFile(file, result);
        if (status.ok() && IsLog(file)) lacks_log_.store(false);
        return status;
    }

    /// LevelDB removes what its manifest does not name. While the log is missing the manifest is not to be believed.
    Status RemoveFile(const std::string &file) override {
        if (IsTable(file) && lacks_log_.load()) return Status::IOError(file, "kept, as the store is damaged");
        return EnvWrapper::RemoveFile(file);
    }

  private:
    Syncs syncs_;
    const bool fills_;
    /// A database that was closed or that crashed has a log; it reads it when it is opened.
    std::atomic<bool> lacks_log_;
};

}  // namespace

leveldb_env_t *atoll_leveldb_log_environment_create(unsigned char fills_logs, unsigned char expects_log) {
    return new leveldb_env_t{new LogEnvironment(fills_logs != 0, expects_log != 0), false};
}

atoll_leveldb_presence_t atoll_leveldb_presence(const char *path) {
    std::vector<std::string> names;
    if (!leveldb::Env::Default()->GetChildren(path, &names).ok()) return atoll_leveldb_absent;
    bool has_data = false;
    for (const std::string &name : names) {
        if (name == "CURRENT") return atoll_leveldb_present;
        has_data = has_data || IsLog(name) || IsTable(name);
    }
    return has_data ? atoll_leveldb_headless : atoll_leveldb_vacant;
}

static LogEnvironment *Logs(leveldb_env_t *environment) { return static_cast<LogEnvironment *>(environment->rep); }

void atoll_leveldb_finish_sync(leveldb_env_t *environment, char **errptr) {
    const Status status = Logs(environment)->FinishSync();
    if (!status.ok()) *errptr = ::strdup(status.ToString().c_str());
}

unsigned char atoll_leveldb_lacks_log(leveldb_env_t *environment) { return Logs(environment)->LacksLog() ? 1 : 0; }

uint64_t atoll_leveldb_open_syncs(leveldb_env_t *environment) { return Logs(environment)->OpenSyncs(); }
