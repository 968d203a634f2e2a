// The values that travel between a caller and a worker: Python's plain values, tensors, numpy arrays, images,
// and handles of whatever stays in the worker.
//
// A Value does not change once it is made, and is cheap to copy: what is larger than a number or a text lies
// behind a shared pointer.
#pragma once

#include <complex>
#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include <hubcell/kinds.h>

namespace hubcell {

class Value {
 public:
  // Kinds that are kept in place, and kinds that copies of a Value share.
  template <typename... Kinds>
  struct KindList {};
  using PlainKinds = KindList<None, bool, std::int64_t, double, std::complex<double>, std::string, Bytes,
                              BigInt, Ellipsis, Range, Path, TorchConstant, Scalar>;
  using SharedKinds =
      KindList<List, Tuple, NamedTuple, Set, Dict, Slice, Device, Size, Tensor, Array, Image, File, Handle>;

  template <typename Kind>
  using Box = std::shared_ptr<const Kind>;

 private:
  template <typename Kind, typename List>
  struct IsIn;
  template <typename Kind, typename... Kinds>
  struct IsIn<Kind, KindList<Kinds...>> : std::bool_constant<(std::same_as<Kind, Kinds> || ...)> {};
  template <typename Plain, typename Shared>
  struct MakeVariant;
  template <typename... Plain, typename... Shared>
  struct MakeVariant<KindList<Plain...>, KindList<Shared...>> {
    using Type = std::variant<Plain..., Box<Shared>...>;
  };

 public:
  template <typename Kind>
  static constexpr bool kIsShared = IsIn<Kind, SharedKinds>::value;
  template <typename Kind>
  static constexpr bool kIsKind = kIsShared<Kind> || IsIn<Kind, PlainKinds>::value;
  using Variant = MakeVariant<PlainKinds, SharedKinds>::Type;

  Value() = default;
  template <std::integral Integer>
  requires(!std::same_as<Integer, bool>) Value(Integer number)
      : variant_(static_cast<std::int64_t>(number)) {}
  template <std::floating_point Real>
  Value(Real number) : variant_(static_cast<double>(number)) {}
  Value(const char* text) : variant_(std::string(text)) {}
  // torch.float32 and its like.
  Value(DType dtype) : variant_(TorchConstant{std::string(name(dtype))}) {}
  template <typename Kind>
  requires(kIsKind<Kind> && !std::is_arithmetic_v<Kind>) || std::same_as<Kind, bool> Value(Kind content)
      : variant_(wrap(std::move(content))) {}
  // One that others hold too.
  template <typename Kind>
  requires kIsShared<Kind> Value(Box<Kind> shared) : variant_(std::move(shared)) {}

  // Calls `visitor` with the content, of whatever kind it is.
  template <typename Visitor>
  decltype(auto) visit(Visitor&& visitor) const {
    return std::visit([&visitor](const auto& held) -> decltype(auto) { return visitor(unwrap(held)); },
                      variant_);
  }
  template <typename Kind>
  bool is() const {
    return std::holds_alternative<decltype(wrap(std::declval<Kind>()))>(variant_);
  }
  // The content, or Error(Usage): "expected a tensor, got a tuple of 2".
  template <typename Kind>
  const Kind& as() const {
    const auto* found = std::get_if<decltype(wrap(std::declval<Kind>()))>(&variant_);
    if (found == nullptr) throw_wrong_kind(Value(Kind{}));
    return unwrap(*found);
  }
  const Tensor& tensor() const { return as<Tensor>(); }
  const std::string& text() const { return as<std::string>(); }
  std::int64_t integer() const { return as<std::int64_t>(); }
  // A float, or an int as one.
  double real() const;
  // Elements of a list, tuple or named tuple; Error(Usage) for others and for an index that is out of range.
  const Value& operator[](std::size_t index) const;
  std::size_t size() const;
  // The value of a dict under the key `name`, or of a named tuple's field; null where there is none.
  const Value* find(const std::string& name) const;
  // The elements, or null where it is no list, tuple, named tuple or set.
  const std::vector<Value>* items() const;

  // "a tensor float32 [1, 10]", "a tuple of 2", "a handle of a silero.VAD": for messages.
  std::string describe() const;
  // Which kind, as a number: for the codec.
  std::size_t kind() const { return variant_.index(); }
  // Equal for two values that share their content, null for those that cannot. `others_share_it` says whether
  // there is such another one just now.
  const void* identity() const;
  bool others_share_it() const;

 private:
  template <typename Kind>
  static auto wrap(Kind content) {
    if constexpr (kIsShared<Kind>) {
      return Box<Kind>(std::make_shared<const Kind>(std::move(content)));
    } else {
      return content;
    }
  }
  template <typename Held>
  static const auto& unwrap(const Held& held) {
    if constexpr (requires {
                    *held;
                    held.use_count();
                  }) {
      return *held;
    } else {
      return held;
    }
  }
  [[noreturn]] void throw_wrong_kind(const Value& expected) const;

  Variant variant_;
};

}  // namespace hubcell
