// The end of a log after a crash: how far it holds whole records, and whether what follows is a write that the crash cut
// in two (LogEnvironment.cpp says which marks that has, and what a log looks like).

#include "LogTail.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace atoll_leveldb {

using leveldb::Status;

Status Failure(const std::string &file, const char *what) {
    const int error = errno;
    return Status::IOError(file, std::string(what) + ": " + std::strerror(error));
}

namespace {

constexpr size_t kBlock = 32 << 10;
constexpr size_t kHeader = 7;
constexpr size_t kSector = 512;
/// Types of records.
constexpr unsigned kFull = 1, kFirst = 2, kLast = 4;

/// CRC-32C (Castagnoli), bit-reflected.
uint32_t Checksum(const unsigned char *bytes, size_t count) {
    static const std::array<uint32_t, 256> table = [] {
        std::array<uint32_t, 256> made{};
        for (uint32_t byte = 0; byte < 256; byte++) {
            uint32_t value = byte;
            for (int bit = 0; bit < 8; bit++) value = (value >> 1) ^ (value & 1 ? 0x82F63B78u : 0);
            made[byte] = value;
        }
        return made;
    }();
    uint32_t crc = ~0u;
    for (size_t i = 0; i < count; i++) crc = table[(crc ^ bytes[i]) & 0xFF] ^ (crc >> 8);
    return ~crc;
}

bool IsZero(const unsigned char *bytes, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != 0) return false;
    return true;
}

/// A log as it lies on the disk.
class LogBytes {
  public:
    explicit LogBytes(std::vector<unsigned char> bytes) : bytes_(std::move(bytes)) {}

    /// Where to cut the log: behind its last whole record if the rest is a torn write, else at its end.
    size_t End() const {
        const size_t place = FirstUnreadable();
        if (place == bytes_.size()) return place;
        if (IsZero(&bytes_[place], bytes_.size() - place)) return place;
        const size_t end = ClaimedEnd(place);
        return LacksSector(place, end) && !HasWrite(end) ? place : bytes_.size();
    }

  private:
    size_t BlockEnd(size_t place) const { return std::min(bytes_.size(), (place / kBlock + 1) * kBlock); }

    /// Where a record beginning at `place` ends by its own length; the block's end if it can't be that long.
    size_t ClaimedEnd(size_t place) const {
        const size_t block_end = BlockEnd(place);
        if (place + kHeader > block_end) return block_end;
        const size_t end = place + kHeader + bytes_[place + 4] + (bytes_[place + 5] << 8);
        return end > block_end || IsZero(&bytes_[place], kHeader) ? block_end : end;
    }

    bool IsWhole(size_t place) const {
        const size_t block_end = BlockEnd(place);
        if (place + kHeader > block_end) return false;
        const unsigned char *header = &bytes_[place];
        const size_t length = header[4] | header[5] << 8;
        if (header[6] == 0 || header[6] > kLast || place + kHeader + length > block_end) return false;
        const uint32_t masked = header[0] | header[1] << 8 | header[2] << 16 | static_cast<uint32_t>(header[3]) << 24;
        // leveldb/util/crc32c.h: a checksum is turned and shifted before it is stored.
        const uint32_t turned = masked - 0xA282EAD8u;
        return (turned >> 17 | turned << 15) == Checksum(header + 6, length + 1);
    }

    /// Skips the trailer of a block.
    static size_t NextStart(size_t place) {
        const size_t left = kBlock - place % kBlock;
        return left < kHeader ? place + left : place;
    }

    size_t FirstUnreadable() const {
        size_t place = 0;
        while (place < bytes_.size()) {
            const size_t start = NextStart(place);
            if (start >= bytes_.size()) return bytes_.size();
            if (!IsWhole(start)) return start;
            place = ClaimedEnd(start);
        }
        return place;
    }

    bool LacksSector(size_t place, size_t end) const {
        while (place < end) {
            const size_t piece_end = std::min(end, (place / kSector + 1) * kSector);
            if (IsZero(&bytes_[place], piece_end - place)) return true;
            place = piece_end;
        }
        return false;
    }

    /// Whether a write begins at `place` or behind it: a record that is whole and no middle or end of one that is torn.
    bool HasWrite(size_t place) const {
        while ((place = NextStart(place)) < bytes_.size()) {
            const bool whole = IsWhole(place);
            if (whole && (bytes_[place + 6] == kFull || bytes_[place + 6] == kFirst)) return true;
            place = whole ? ClaimedEnd(place) : (place / kBlock + 1) * kBlock;
        }
        return false;
    }

    const std::vector<unsigned char> bytes_;
};

}  // namespace

Status TrimLog(const std::string &file) {
    const int descriptor = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
    // LevelDB says what is wrong when it opens the file itself.
    if (descriptor < 0) return Status::OK();
    std::vector<unsigned char> bytes;
    struct stat status;
    Status result;
    if (::fstat(descriptor, &status) != 0) {
        result = Failure(file, "stat");
    } else {
        bytes.resize(static_cast<size_t>(status.st_size));
        size_t count = 0;
        while (count < bytes.size()) {
            const ssize_t got = ::pread(descriptor, &bytes[count], bytes.size() - count, static_cast<off_t>(count));
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) break;
            count += static_cast<size_t>(got);
        }
        if (count < bytes.size()) result = Failure(file, "read");
    }
    if (result.ok()) {
        const size_t length = bytes.size();
        const size_t end = LogBytes(std::move(bytes)).End();
        if (end < length && (::ftruncate(descriptor, static_cast<off_t>(end)) != 0 || ::fsync(descriptor) != 0))
            result = Failure(file, "truncate");
    }
    ::close(descriptor);
    return result;
}

}  // namespace atoll_leveldb
