// Contents as numbers: XXH3 with 64 bits, whose output is fixed since xxHash 0.8, of the bytes of each part, and of the numbers of its parts.
// Which kind of value it is goes in as the seed.
#include <algorithm>
#include <bit>
#include <vector>

// Inlined, so that a program that links this needs no further library.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <hubcell/traffic.h>

#include <hubcell/error.h>

namespace hubcell::compare {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are hashed as they lie in memory");

using Hashes = std::vector<std::uint64_t>;

struct ContentHash {
  std::size_t kind;

  std::uint64_t bytes(const void* data, std::size_t size) const {
    return XXH3_64bits_withSeed(data, size, kind);
  }
  template <typename Plain>
  std::uint64_t plain(const Plain& content) const {
    static_assert(std::has_unique_object_representations_v<Plain> || std::is_floating_point_v<Plain>);
    return bytes(&content, sizeof content);
  }
  std::uint64_t text(const std::string& content) const { return bytes(content.data(), content.size()); }
  std::uint64_t numbers(const std::vector<std::int64_t>& content) const {
    return bytes(content.data(), content.size() * sizeof(std::int64_t));
  }
  std::uint64_t all(const Hashes& parts) const {
    return bytes(parts.data(), parts.size() * sizeof(std::uint64_t));
  }
  std::uint64_t unordered(Hashes parts) const {
    std::ranges::sort(parts);
    return all(parts);
  }
  static Hashes each(const std::vector<Value>& items) {
    Hashes hashes;
    for (const Value& item : items)
      hashes.push_back(content_hash(item));
    return hashes;
  }

  std::uint64_t operator()(const None&) const { return all({}); }
  std::uint64_t operator()(const Ellipsis&) const { return all({}); }
  std::uint64_t operator()(bool flag) const { return plain(static_cast<std::uint8_t>(flag)); }
  std::uint64_t operator()(std::int64_t number) const { return plain(number); }
  std::uint64_t operator()(double number) const { return plain(number); }
  std::uint64_t operator()(const std::complex<double>& number) const {
    return all({plain(number.real()), plain(number.imag())});
  }
  std::uint64_t operator()(const std::string& content) const { return text(content); }
  std::uint64_t operator()(const Bytes& content) const { return text(content.data); }
  std::uint64_t operator()(const BigInt& number) const { return text(number.hex); }
  std::uint64_t operator()(const Range& range) const {
    return numbers({range.start, range.stop, range.step});
  }
  std::uint64_t operator()(const Path& path) const { return text(path.text); }
  std::uint64_t operator()(const TorchConstant& constant) const { return text(constant.name); }
  std::uint64_t operator()(const Scalar& scalar) const {
    return all({plain(scalar.dtype), bytes(scalar.bytes.data(), item_bytes(scalar.dtype))});
  }
  std::uint64_t operator()(const List& list) const { return all(each(list.items)); }
  std::uint64_t operator()(const Tuple& tuple) const { return all(each(tuple.items)); }
  std::uint64_t operator()(const NamedTuple& tuple) const {
    Hashes parts = each(tuple.items);
    parts.push_back(text(tuple.type));
    for (const std::string& field : tuple.fields)
      parts.push_back(text(field));
    return all(parts);
  }
  std::uint64_t operator()(const Set& set) const { return unordered(each(set.items)); }
  std::uint64_t operator()(const Dict& dict) const {
    Hashes pairs;
    for (const auto& [key, value] : dict.items)
      pairs.push_back(all({content_hash(key), content_hash(value)}));
    return unordered(std::move(pairs));
  }
  std::uint64_t operator()(const Slice& slice) const { return all(each(slice.bounds)); }
  std::uint64_t operator()(const Device& device) const {
    return all({text(device.type), plain(device.index.value_or(-1))});
  }
  std::uint64_t operator()(const Size& size) const { return numbers(size.sizes); }
  std::uint64_t operator()(const Tensor& tensor) const {
    const Tensor rows = tensor.contiguous();
    return all({plain(rows.dtype()), numbers(rows.shape()), bytes(rows.data(), rows.bytes())});
  }
  std::uint64_t operator()(const Array& array) const { return (*this)(array.elements); }
  std::uint64_t operator()(const Image& image) const {
    return all({text(image.mode), plain(image.width), plain(image.height), (*this)(image.pixels),
                text(image.palette_mode), text(image.palette.data)});
  }
  std::uint64_t operator()(const File& file) const { return all({text(file.name), (*this)(file.content)}); }
  std::uint64_t operator()(const Handle& handle) const {
    throw Error(ErrorCode::Usage,
                "hash a " + handle.class_name +
                    ": its content stays in its worker; choose the side by a key of your own");
  }
};

}  // namespace

std::uint64_t content_hash(const Value& value) {
  return value.visit(ContentHash{value.kind()});
}

std::uint64_t content_hash(const Arguments& arguments, const Keywords& keywords) {
  Dict named;
  for (const auto& [name, value] : keywords)
    named.items.emplace_back(name, value);
  return content_hash(Tuple{{Tuple{arguments}, named}});
}

}  // namespace hubcell::compare
