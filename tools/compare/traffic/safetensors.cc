#include "tools/compare/traffic/safetensors.h"

#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include <hubcell/error.h>

#include "shared/posix/system_error.h"

namespace hubcell::compare {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");
constexpr std::uint64_t kLengthBytes = 8;

void write_at(int file, const void* data, std::uint64_t bytes, std::uint64_t offset,
              const std::string& path) {
  const auto* rest = static_cast<const std::byte*>(data);
  while (bytes != 0) {
    const ssize_t written = ::pwrite(file, rest, bytes, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    const auto taken = static_cast<std::uint64_t>(posix::checked(written, "write " + path));
    rest += taken;
    offset += taken;
    bytes -= taken;
  }
}

// False where the file ends before.
bool read_at(int file, void* data, std::uint64_t bytes, std::uint64_t offset, const std::string& path) {
  auto* rest = static_cast<std::byte*>(data);
  while (bytes != 0) {
    const ssize_t got = ::pread(file, rest, bytes, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    const auto taken = static_cast<std::uint64_t>(posix::checked(got, "read " + path));
    if (taken == 0) return false;
    rest += taken;
    offset += taken;
    bytes -= taken;
  }
  return true;
}

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw Error(ErrorCode::Usage, "read " + path + ": " + why);
}

std::uint64_t rounded_up(std::uint64_t bytes) {
  return (bytes + 7) / 8 * 8;
}

posix::UniqueFd make_file(const std::string& path, int how) {
  return posix::UniqueFd(
      posix::checked(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | how, 0666), "make " + path));
}

// The length, the JSON and the room behind it.
void write_header(int file, const std::string& json, std::uint64_t room, const std::string& path) {
  std::string header(kLengthBytes + room, ' ');
  std::memcpy(header.data(), &room, kLengthBytes);
  json.copy(header.data() + kLengthBytes, json.size());
  write_at(file, header.data(), header.size(), 0, path);
}

}  // namespace

// ---- reading

SafetensorsReader::SafetensorsReader(const std::string& path)
    : path_(path),
      file_(posix::checked(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK), "read " + path)) {
  struct stat found {};
  posix::checked(::fstat(file_.get(), &found), "read " + path);
  if (!S_ISREG(found.st_mode)) refuse(path, "it is no regular file");
  const auto file_bytes = static_cast<std::uint64_t>(found.st_size);
  std::uint64_t header_bytes = 0;
  if (!read_at(file_.get(), &header_bytes, kLengthBytes, 0, path))
    refuse(path, "it is too short for a header");
  if (header_bytes > kHeaderBytesMax || header_bytes > file_bytes - kLengthBytes)
    refuse(path, "it says that its header has " + std::to_string(header_bytes) +
                     " bytes; it is cut off, or no safetensors file");
  std::string text(header_bytes, '\0');
  if (!read_at(file_.get(), text.data(), text.size(), kLengthBytes, path))
    refuse(path, "it was cut off meanwhile");
  data_begin_ = kLengthBytes + header_bytes;
  data_bytes_ = file_bytes - data_begin_;
  try {
    header_ = parse_header(text, data_bytes_);
  } catch (const Error& impossible) {
    throw impossible.context("read " + path);
  }
}

void SafetensorsReader::read(const StoredTensor& tensor, void* memory) const {
  if (!read_at(file_.get(), memory, tensor.end - tensor.begin, data_begin_ + tensor.begin, path_))
    refuse(path_, "it was cut off meanwhile");
}

std::uint64_t SafetensorsReader::tail_bytes() const {
  return data_bytes_ - (header_.tensors.empty() ? 0 : header_.tensors.back().end);
}

// ---- writing

SafetensorsWriter::SafetensorsWriter(std::string path, const Metadata& metadata, std::uint64_t header_bytes)
    : path_(std::move(path)) {
  nlohmann::ordered_json texts = nlohmann::ordered_json::object();
  for (const auto& [name, text] : metadata)
    texts[name] = text;
  const std::string json = nlohmann::ordered_json{{"__metadata__", texts}}.dump(
      -1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  json_ = json.size();
  room_ = rounded_up(std::max<std::uint64_t>(header_bytes, json_));
  file_ = make_file(path_, O_EXCL);
  write_header(file_.get(), json, room_, path_);
}

std::string SafetensorsWriter::entries_of(const std::vector<NewTensor>& tensors) const {
  nlohmann::ordered_json entries = nlohmann::ordered_json::object();
  std::uint64_t begin = data_;
  for (const auto& [name, tensor] : tensors) {
    const StorageType stored = storage_of(tensor.dtype());
    std::vector<std::int64_t> shape = tensor.shape();
    if (stored.items > 1) shape.push_back(static_cast<std::int64_t>(stored.items));
    entries[name] = {
        {"dtype", stored.name}, {"shape", shape}, {"data_offsets", {begin, begin + tensor.bytes()}}};
    begin += tensor.bytes();
  }
  return entries.dump().substr(1);
}

std::uint64_t SafetensorsWriter::bytes_with(const std::vector<NewTensor>& tensors) const {
  std::uint64_t bytes = kLengthBytes + room_ + data_;
  for (const NewTensor& added : tensors)
    bytes += added.tensor.bytes();
  return bytes;
}

void SafetensorsWriter::append(const std::vector<NewTensor>& tensors) {
  const std::string entries = entries_of(tensors);
  if (json_ + entries.size() > room_) grow(json_ + entries.size());
  write_data(tensors);
  // In this order: until the comma is there, the header ends where it ended.
  const std::uint64_t brace = kLengthBytes + json_ - 1;
  write_at(file_.get(), entries.data(), entries.size(), brace + 1, path_);
  write_at(file_.get(), ",", 1, brace, path_);
  json_ += entries.size();
  for (const NewTensor& added : tensors)
    data_ += added.tensor.bytes();
}

void SafetensorsWriter::write_data(const std::vector<NewTensor>& tensors) {
  const std::uint64_t end = kLengthBytes + room_ + data_;
  std::uint64_t offset = end;
  try {
    for (const NewTensor& added : tensors) {
      const Tensor rows = added.tensor.contiguous();
      write_at(file_.get(), rows.data(), rows.bytes(), offset, path_);
      offset += rows.bytes();
    }
  } catch (const Error&) {
    // A disk that is full: what other programs read is valid again.
    [[maybe_unused]] const int cut = ::ftruncate(file_.get(), static_cast<off_t>(end));
    throw;
  }
}

void SafetensorsWriter::grow(std::uint64_t needed) {
  const std::uint64_t room = std::min(rounded_up(std::max(needed, 2 * room_)), kHeaderBytesMax);
  if (needed > room)
    throw Error(ErrorCode::Usage, "write " + path_ + ": its header would be larger than the format allows, " +
                                      std::to_string(kHeaderBytesMax) + " bytes");
  std::string json(json_, '\0');
  if (!read_at(file_.get(), json.data(), json.size(), kLengthBytes, path_))
    refuse(path_, "somebody cut it off");
  const std::string grown_path = path_ + ".growing";
  posix::UniqueFd grown = make_file(grown_path, O_TRUNC | O_NOFOLLOW);
  write_header(grown.get(), json, room, grown_path);
  std::vector<std::byte> piece(std::min<std::uint64_t>(data_, std::uint64_t{1} << 20));
  for (std::uint64_t done = 0; done < data_; done += piece.size()) {
    const std::uint64_t bytes = std::min<std::uint64_t>(piece.size(), data_ - done);
    if (!read_at(file_.get(), piece.data(), bytes, kLengthBytes + room_ + done, path_))
      refuse(path_, "somebody cut it off");
    write_at(grown.get(), piece.data(), bytes, kLengthBytes + room + done, grown_path);
  }
  posix::checked(::rename(grown_path.c_str(), path_.c_str()), "write " + path_);
  file_ = std::move(grown);
  room_ = room;
}

}  // namespace hubcell::compare
