// The tags of values on the wire, for the codec's two halves.
#pragma once

#include <concepts>
#include <cstdint>
#include <variant>

#include <hubcell/value.h>

namespace hubcell {

// Append, never reorder. The first ones are the kinds of Value, by their index in its variant.
enum class Tag : std::uint8_t {
  None,
  Bool,
  Int,
  Float,
  Complex,
  Str,
  Bytes,
  BigInt,
  Ellipsis,
  Range,
  Path,
  TorchConstant,
  Scalar,
  List,
  Tuple,
  NamedTuple,
  Set,
  Dict,
  Slice,
  Device,
  Size,
  Tensor,
  Array,
  Image,
  File,
  Handle,
  Shared,     // the value that follows gets the next number
  Reference,  // that number: the value once more
};
inline constexpr Tag kTagLast = Tag::Reference;
// From here on copies of a value share it, so that it may be marked.
inline constexpr Tag kTagFirstShared = Tag::List;
static_assert(static_cast<std::size_t>(Tag::Handle) + 1 == std::variant_size_v<Value::Variant>);
static_assert(
    std::same_as<std::variant_alternative_t<static_cast<std::size_t>(kTagFirstShared), Value::Variant>,
                 Value::Box<List>> &&
    Value::kIsShared<List> && !Value::kIsShared<Scalar>);

// Of a tensor, in one byte.
enum TensorFlags : std::uint8_t { kStrided = 1, kRequiresGrad = 2, kParameter = 4 };
inline constexpr std::uint8_t kTensorFlagsAll = kStrided | kRequiresGrad | kParameter;

}  // namespace hubcell
