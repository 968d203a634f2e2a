// The only way of bytes into structures: cereal, behind archives that work on a span and distrust it.
//
// cereal's own containers resize to any count on the wire; here a count above (bytes left / smallest element)
// is refused, containers grow by appending, bools and enumerators are read as integers and checked, and bytes
// left over are an error. A message is a struct with cereal's `template <class Archive> void
// serialize(Archive& archive)`. Numbers lie in the machine's own order: both ends run on one machine.
#pragma once

#include <cereal/cereal.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <hubcell/error.h>

namespace hubcell::wire {

// Throws Error(Protocol): "malformed message: <what>".
[[noreturn]] void malformed(const std::string& what);

class SpanWriter : public cereal::OutputArchive<SpanWriter, cereal::AllowEmptyClassElision> {
 public:
  SpanWriter() : OutputArchive(this) { bytes_.reserve(kFirstBytes); }
  void append(const void* data, std::size_t bytes) {
    const std::size_t end = bytes_.size();
    bytes_.resize(end + bytes);
    if (bytes != 0) std::memcpy(bytes_.data() + end, data, bytes);
  }
  std::vector<std::byte> take_bytes() { return std::move(bytes_); }

 private:
  static constexpr std::size_t kFirstBytes = 512;  // what most messages need
  std::vector<std::byte> bytes_;
};

class SpanReader : public cereal::InputArchive<SpanReader, cereal::AllowEmptyClassElision> {
 public:
  explicit SpanReader(std::span<const std::byte> bytes) : InputArchive(this), left_(bytes) {}
  // The next `bytes` bytes, still in the caller's span.
  std::span<const std::byte> take(std::size_t bytes) {
    if (bytes > left_.size()) malformed("it ends too early");
    const auto taken = left_.first(bytes);
    left_ = left_.subspan(bytes);
    return taken;
  }
  // A count of elements that take at least `element_bytes_min` each.
  std::size_t take_count(std::size_t element_bytes_min) {
    std::uint32_t count = 0;
    std::memcpy(&count, take(sizeof(count)).data(), sizeof(count));
    if (count > left_.size() / element_bytes_min) malformed("a count exceeds the bytes that follow");
    return count;
  }
  std::size_t bytes_left() const { return left_.size(); }

 private:
  std::span<const std::byte> left_;
};

template <class T>
concept Number = std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;

template <Number T>
void CEREAL_SAVE_FUNCTION_NAME(SpanWriter& archive, const T& number) {
  archive.append(&number, sizeof(number));
}
template <Number T>
void CEREAL_LOAD_FUNCTION_NAME(SpanReader& archive, T& number) {
  std::memcpy(&number, archive.take(sizeof(number)).data(), sizeof(number));
}

inline void CEREAL_SAVE_FUNCTION_NAME(SpanWriter& archive, const bool& flag) {
  archive(static_cast<std::uint8_t>(flag ? 1 : 0));
}
inline void CEREAL_LOAD_FUNCTION_NAME(SpanReader& archive, bool& flag) {
  std::uint8_t byte = 0;
  archive(byte);
  if (byte > 1) malformed("a bool is neither 0 nor 1");
  flag = byte == 1;
}

inline void CEREAL_SAVE_FUNCTION_NAME(SpanWriter& archive, const std::string& text) {
  archive(static_cast<std::uint32_t>(text.size()));
  archive.append(text.data(), text.size());
}
inline void CEREAL_LOAD_FUNCTION_NAME(SpanReader& archive, std::string& text) {
  const auto bytes = archive.take(archive.take_count(1));
  text.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

template <class T>
void CEREAL_SAVE_FUNCTION_NAME(SpanWriter& archive, const std::vector<T>& items) {
  archive(static_cast<std::uint32_t>(items.size()));
  for (const T& item : items)
    archive(item);
}
template <class T>
void CEREAL_LOAD_FUNCTION_NAME(SpanReader& archive, std::vector<T>& items) {
  const std::size_t count = archive.take_count(Number<T> ? sizeof(T) : 1);
  items.clear();
  for (std::size_t i = 0; i < count; ++i) {
    T item{};
    archive(item);
    items.push_back(std::move(item));
  }
}

template <class T>
void CEREAL_SAVE_FUNCTION_NAME(SpanWriter& archive, const std::optional<T>& maybe) {
  archive(maybe.has_value());
  if (maybe) archive(*maybe);
}
template <class T>
void CEREAL_LOAD_FUNCTION_NAME(SpanReader& archive, std::optional<T>& maybe) {
  bool present = false;
  archive(present);
  maybe.reset();
  if (!present) return;
  T item{};
  archive(item);
  maybe = std::move(item);
}

// An enumerator, by its number, refused above `last`: `archive(checked_enum(code, ErrorCode::Protocol))`.
template <class Enum>
struct CheckedEnum {
  Enum& value;
  Enum last;
};
template <class Enum>
CheckedEnum<Enum> checked_enum(Enum& value, Enum last) {
  return {value, last};
}
template <class Enum>
void CEREAL_SAVE_FUNCTION_NAME(SpanWriter& archive, const CheckedEnum<Enum>& field) {
  archive(static_cast<std::underlying_type_t<Enum>>(field.value));
}
template <class Enum>
void CEREAL_LOAD_FUNCTION_NAME(SpanReader& archive, CheckedEnum<Enum>& field) {
  std::underlying_type_t<Enum> number{};
  archive(number);
  if (number > static_cast<std::underlying_type_t<Enum>>(field.last)) malformed("an unknown enumerator");
  field.value = static_cast<Enum>(number);
}

template <class Message>
std::vector<std::byte> encode(const Message& message) {
  SpanWriter writer;
  writer(message);
  return writer.take_bytes();
}

template <class Message>
Message decode(std::span<const std::byte> bytes) {
  SpanReader reader(bytes);
  Message message{};
  reader(message);
  if (reader.bytes_left() != 0) malformed("bytes are left over");
  return message;
}

}  // namespace hubcell::wire

CEREAL_SETUP_ARCHIVE_TRAITS(hubcell::wire::SpanReader, hubcell::wire::SpanWriter)
