// A safetensors file that grows while it is read: 8 bytes that say how long its header is, the header (JSON, then spaces), and the bytes of
// all tensors, one behind the other.
//
// The writer leaves room behind the header. To add tensors it appends their bytes to the file, writes their entries behind the header's
// closing brace, and turns that brace into a comma: one byte, which a process that is killed has written or has not. Until then
// readers see the file as it was; what lies behind the last tensor that the header names is a tail of nobody's. The file as a whole
// is valid whenever no such step is under way. A header that outgrows its room is copied with all tensors into a new file, with
// twice the room, which takes the old one's name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hubcell/tensor.h>

#include "shared/posix/unique_fd.h"

namespace hubcell::compare {

// What the safetensors library reads at most.
inline constexpr std::uint64_t kHeaderBytesMax = 100'000'000;

using Metadata = std::vector<std::pair<std::string, std::string>>;

// Which of the format's dtypes holds the elements of one of ours, and how many of them each: complex numbers are two, and bytes stand for
// what the format, or an older reader of it, does not know.
struct StorageType {
  std::string_view name;  // "F32"
  std::size_t items = 1;
};
StorageType storage_of(DType dtype);

struct StoredTensor {
  std::string name;
  std::string dtype;
  std::vector<std::uint64_t> shape;
  std::uint64_t begin = 0, end = 0;  // behind the header
};

struct SafetensorsHeader {
  Metadata metadata;
  std::vector<StoredTensor> tensors;  // in the order of their bytes, which have no holes
};

// The header's JSON and whatever follows it; `data_bytes` follow the header in the file. Throws Error(Usage) on what cannot be: in memory no
// larger than the text, whatever it says.
SafetensorsHeader parse_header(std::string_view text, std::uint64_t data_bytes);

class SafetensorsReader {
 public:
  // Error(System) and Error(Usage), which name the path.
  explicit SafetensorsReader(const std::string& path);

  const Metadata& metadata() const { return header_.metadata; }
  const std::vector<StoredTensor>& tensors() const { return header_.tensors; }
  // Reads all bytes of one of its tensors into memory of that size.
  void read(const StoredTensor& tensor, void* memory) const;
  std::uint64_t tail_bytes() const;

 private:
  std::string path_;
  posix::UniqueFd file_;
  SafetensorsHeader header_;
  std::uint64_t data_begin_ = 0;
  std::uint64_t data_bytes_ = 0;
};

struct NewTensor {
  std::string name;
  Tensor tensor;
};

class SafetensorsWriter {
 public:
  // Makes the file, where there must be none. Error(System).
  SafetensorsWriter(std::string path, const Metadata& metadata, std::uint64_t header_bytes);

  // All of them, or none: throws Error(System), and Error(Usage) where the header would be larger than readers accept. The file stays
  // what it was. Names are new ones.
  void append(const std::vector<NewTensor>& tensors);
  // What the file will measure with these.
  std::uint64_t bytes_with(const std::vector<NewTensor>& tensors) const;

 private:
  std::string entries_of(const std::vector<NewTensor>& tensors) const;
  void write_data(const std::vector<NewTensor>& tensors);
  void grow(std::uint64_t needed);

  std::string path_;
  posix::UniqueFd file_;
  std::uint64_t room_;      // of the header
  std::uint64_t json_;      // of the header's JSON
  std::uint64_t data_ = 0;  // of all tensors
};

}  // namespace hubcell::compare
