// Elements are taken in blocks that fit the innermost cache. Of each block: copy it out of both tensors, make doubles of it,
// measure the gap of each pair and the sizes of its sides (which is where integers, real and complex numbers differ), and tally
// gaps and sizes. The loops over blocks whose numbers are all finite have no branches; others take their pairs one by one.
#include "tools/compare/numbers/tensor_difference.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <string>

#include "shared/base/check.h"
#include "tools/compare/numbers/cosine.h"
#include "tools/compare/numbers/element_reader.h"
#include "tools/compare/numbers/lanes.h"
#include "tools/compare/numbers/numbers.h"

namespace hubcell::compare {
namespace {

constexpr std::size_t kPairs = 512;
constexpr std::size_t kItemBytesMax = 16;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct SideBlock {
  std::array<std::byte, kPairs * kItemBytesMax> raw;
  std::array<double, kPairs * 2> numbers;  // components one after the other
  std::array<double, kPairs> size;         // moduli
  bool is_finite = true;                   // all of it
};

struct Block {
  std::size_t count = 0;  // of pairs
  std::array<SideBlock, 2> side;
  std::array<double, kPairs> gap;  // of a pair that is not finite: 0 or infinite
  std::array<double, kPairs> relative;
};

bool same(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

// Adding one to an exponent of ones only, that of infinities and NaNs, carries into the sign. Bits are joined side by side where
// doubles would have to be added one after the other.
bool all_finite(std::span<const double> numbers) {
  constexpr std::uint64_t kExponent = 0x7ff0'0000'0000'0000, kOne = 0x0010'0000'0000'0000;
  std::uint64_t found = 0;
  for (const double number : numbers)
    found |= (std::bit_cast<std::uint64_t>(number) & kExponent) + kOne;
  return found >> 63 == 0;
}

class Comparer {
 public:
  Comparer(const Tensor& a, const Tensor& b, const Tolerance& tolerance)
      : dtypes_{a.dtype(), b.dtype()},
        readers_{ElementReader(a), ElementReader(b)},
        tolerance_(tolerance),
        block_(std::make_unique_for_overwrite<Block>()) {
    const auto is_integer = [](DType dtype) { return number_kind(dtype) == NumberKind::Integer; };
    is_exact_ = std::ranges::all_of(dtypes_, is_integer) && std::ranges::any_of(dtypes_, is_wide);
    components_ = std::max(components(a.dtype()), components(b.dtype()));
    has_places_ = dtypes_[0] == dtypes_[1] && !is_integer(dtypes_[0]);
    out_.shape = a.shape();
    out_.count = a.count();
    for (std::size_t i = 0; i < 2; ++i)
      out_.dtype[i] = name(dtypes_[i]);
  }

  TensorDifference run() {
    for (std::uint64_t first = 0; first < out_.count; first += kPairs) {
      read();
      if (is_the_same()) {
        out_.finite += block_->count;
      } else {
        measure_gaps();
        if (is_ordinary()) {
          tally_all();
        } else {
          tally_one_by_one();
        }
        note_worst(first);
      }
      cosine_.add(numbers(0), numbers(1));
    }
    return finish();
  }

 private:
  static bool is_wide(DType dtype) { return dtype == DType::Int64 || dtype == DType::UInt64; }

  std::span<double> numbers(std::size_t i) {
    return std::span(block_->side[i].numbers).first(block_->count * components_);
  }

  void read() {
    for (std::size_t i = 0; i < 2; ++i) {
      SideBlock& side = block_->side[i];
      const std::size_t bytes = kPairs * item_bytes(dtypes_[i]);
      block_->count = readers_[i].read(std::span(side.raw).first(bytes));
      const std::span<double> all = numbers(i);
      const std::size_t own = components(dtypes_[i]);
      to_doubles(dtypes_[i], side.raw.data(), all.first(block_->count * own));
      if (own < components_) spread(all);
      side.is_finite = all_finite(all);
    }
  }

  // A real number is a complex one without an imaginary part.
  void spread(std::span<double> all) const {
    for (std::size_t i = block_->count; i-- > 0;) {
      all[2 * i] = all[i];
      all[2 * i + 1] = 0;
    }
  }

  // Most blocks of two versions of one model are.
  bool is_the_same() const {
    const std::size_t bytes = block_->count * item_bytes(dtypes_[0]);
    return dtypes_[0] == dtypes_[1] && both_finite() &&
           std::memcmp(block_->side[0].raw.data(), block_->side[1].raw.data(), bytes) == 0;
  }

  // ---- gaps and sizes

  void measure_gaps() {
    if (components_ == 2) {
      measure_complex();
    } else {
      measure_real();
      if (is_exact_) measure_integers();
    }
    if (!both_finite()) settle_gaps();
  }

  bool both_finite() const { return block_->side[0].is_finite && block_->side[1].is_finite; }

  void measure_real() {
    const double *a = block_->side[0].numbers.data(), *b = block_->side[1].numbers.data();
    double *size_a = block_->side[0].size.data(), *size_b = block_->side[1].size.data();
    double* gap = block_->gap.data();
    for (std::size_t i = 0; i < block_->count; ++i) {
      gap[i] = std::abs(b[i] - a[i]);
      size_a[i] = std::abs(a[i]);
      size_b[i] = std::abs(b[i]);
    }
  }

  void measure_integers() {
    std::array<std::array<WideInteger, kPairs>, 2> exact;
    for (std::size_t i = 0; i < 2; ++i)
      to_integers(dtypes_[i], block_->side[i].raw.data(), std::span(exact[i]).first(block_->count));
    for (std::size_t i = 0; i < block_->count; ++i) {
      const WideInteger difference = exact[1][i] - exact[0][i];
      block_->gap[i] = static_cast<double>(difference < 0 ? -difference : difference);
    }
  }

  void measure_complex() {
    const double *a = block_->side[0].numbers.data(), *b = block_->side[1].numbers.data();
    for (std::size_t i = 0; i < block_->count; ++i) {
      block_->gap[i] = std::hypot(b[2 * i] - a[2 * i], b[2 * i + 1] - a[2 * i + 1]);
      block_->side[0].size[i] = std::hypot(a[2 * i], a[2 * i + 1]);
      block_->side[1].size[i] = std::hypot(b[2 * i], b[2 * i + 1]);
    }
  }

  bool is_finite(std::size_t side, std::size_t pair) const {
    const double* number = block_->side[side].numbers.data() + pair * components_;
    return std::isfinite(number[0]) && (components_ == 1 || std::isfinite(number[1]));
  }

  // Pairs that are not finite: the same, or infinitely far apart.
  void settle_gaps() {
    const double *a = block_->side[0].numbers.data(), *b = block_->side[1].numbers.data();
    for (std::size_t i = 0; i < block_->count; ++i) {
      if (is_finite(0, i) && is_finite(1, i)) continue;
      bool is_same = true;
      for (std::size_t k = i * components_; k < (i + 1) * components_; ++k)
        is_same = is_same && same(a[k], b[k]);
      block_->gap[i] = is_same ? 0 : kInfinity;
    }
  }

  // ---- tallies

  // All numbers are finite, and so are their sizes and gaps, which may overflow.
  bool is_ordinary() const {
    return both_finite() && all_finite(std::span(block_->gap).first(block_->count)) &&
           all_finite(std::span(block_->side[0].size).first(block_->count)) &&
           all_finite(std::span(block_->side[1].size).first(block_->count));
  }

  void tally_all() {
    const double *gap = block_->gap.data(), *size_a = block_->side[0].size.data(),
                 *size_b = block_->side[1].size.data();
    double* relative = block_->relative.data();
    const auto [rtol, atol] = tolerance_;
    std::uint64_t outside = 0;
    for (std::size_t i = 0; i < block_->count; ++i)
      outside += gap[i] > atol + rtol * size_a[i] ? 1 : 0;
    for (std::size_t i = 0; i < block_->count; ++i) {
      const double larger = size_a[i] > size_b[i] ? size_a[i] : size_b[i];
      relative[i] = gap[i] / (larger > 0 ? larger : 1);  // where both are 0, so is the gap
    }
    const double sum_abs = sum_of(block_->count, [&](std::size_t i) { return gap[i]; });
    out_.outside += outside;
    out_.finite += block_->count;
    out_.max_rel = std::max(out_.max_rel, max_of(block_->count, [&](std::size_t i) { return relative[i]; }));
    sum_abs_ += sum_abs;
    sum_rel_ += sum_of(block_->count, [&](std::size_t i) { return relative[i]; });
    squares_a_ += sum_of(block_->count, [&](std::size_t i) { return size_a[i] * size_a[i]; });
    if (sum_abs > 0) tally_changes();
  }

  void tally_changes() {
    const double* gap = block_->gap.data();
    out_.changed +=
        static_cast<std::uint64_t>(std::count_if(gap, gap + block_->count, [](double g) { return g > 0; }));
    squares_ += sum_of(block_->count, [&](std::size_t i) { return gap[i] * gap[i]; });
    tally_places();
  }

  void tally_one_by_one() {
    for (std::size_t i = 0; i < block_->count; ++i) {
      const double gap = block_->gap[i];
      const bool is_pair_finite = count_specials(i);
      const double size = block_->side[0].size[i];
      const double limit = tolerance_.atol + tolerance_.rtol * size;
      if (gap > 0) ++out_.changed;
      if (gap > 0 && (!is_pair_finite || !(gap <= limit))) ++out_.outside;
      const double relative = is_pair_finite ? relative_of(i) : gap;
      out_.max_rel = std::max(out_.max_rel, relative);
      if (!is_pair_finite) continue;
      ++out_.finite;
      sum_abs_ += gap;
      sum_rel_ += relative;
      squares_ += gap * gap;
      squares_a_ += size * size;
    }
    tally_places();
    leave_out_specials();
  }

  // Whether both sides of the pair are finite.
  bool count_specials(std::size_t pair) {
    for (std::size_t i = 0; i < 2; ++i) {
      if (is_finite(i, pair)) continue;
      const double* number = block_->side[i].numbers.data() + pair * components_;
      const bool is_nan = std::isnan(number[0]) || (components_ == 2 && std::isnan(number[1]));
      ++(is_nan ? out_.nan : out_.infinite)[i];
    }
    return is_finite(0, pair) && is_finite(1, pair);
  }

  // In quarters, which do not overflow: a gap is at most twice as large as the largest double, a modulus 1.5 times.
  double relative_of(std::size_t pair) const {
    if (block_->gap[pair] == 0) return 0;
    const double* a = block_->side[0].numbers.data() + pair * components_;
    const double* b = block_->side[1].numbers.data() + pair * components_;
    const bool overflows = std::isinf(block_->gap[pair]) || std::isinf(block_->side[0].size[pair]) ||
                           std::isinf(block_->side[1].size[pair]);
    if (!overflows)
      return block_->gap[pair] / std::max(block_->side[0].size[pair], block_->side[1].size[pair]);
    const double imaginary_a = components_ == 2 ? a[1] / 4 : 0, imaginary_b = components_ == 2 ? b[1] / 4 : 0;
    return std::hypot(b[0] / 4 - a[0] / 4, imaginary_b - imaginary_a) /
           std::max(std::hypot(a[0] / 4, imaginary_a), std::hypot(b[0] / 4, imaginary_b));
  }

  // Once nothing else looks at them: a cosine is one of finite pairs.
  void leave_out_specials() {
    for (std::size_t i = 0; i < block_->count; ++i) {
      if (is_finite(0, i) && is_finite(1, i)) continue;
      for (SideBlock& side : block_->side)
        std::fill_n(side.numbers.data() + i * components_, components_, 0.0);
    }
  }

  void tally_places() {
    if (!has_places_) return;
    std::array<std::array<std::int64_t, kPairs * 2>, 2> places;
    for (std::size_t i = 0; i < 2; ++i)
      to_places(dtypes_[i], block_->side[i].raw.data(),
                std::span(places[i]).first(block_->count * components_));
    if (!both_finite()) {
      for (std::size_t i = 0; i < block_->count * components_; ++i)
        if (!is_finite(0, i / components_) || !is_finite(1, i / components_)) places[0][i] = places[1][i] = 0;
    }
    std::uint64_t most = max_places_;
    for (std::size_t i = 0; i < block_->count * components_; ++i) {
      const auto a = static_cast<std::uint64_t>(places[0][i]), b = static_cast<std::uint64_t>(places[1][i]);
      most = std::max(most, places[0][i] > places[1][i] ? a - b : b - a);
    }
    max_places_ = most;
  }

  // The first of the pairs that lie farthest apart.
  void note_worst(std::uint64_t first) {
    const double* gap = block_->gap.data();
    const double most = max_of(block_->count, [&](std::size_t i) { return gap[i]; });
    if (!(most > out_.max_abs)) return;
    const auto pair = static_cast<std::size_t>(std::find(gap, gap + block_->count, most) - gap);
    out_.max_abs = most;
    worst_ = first + pair;
    for (std::size_t i = 0; i < 2; ++i)
      out_.worst_values[i] = components_ == 2 ? block_->side[i].size[pair] : worst_number(i, pair);
  }

  // From the bytes: of a pair that is not finite the number is gone.
  double worst_number(std::size_t side, std::size_t pair) const {
    double number = 0;
    to_doubles(dtypes_[side], block_->side[side].raw.data() + pair * item_bytes(dtypes_[side]), {&number, 1});
    return number;
  }

  // ---- the end

  TensorDifference finish() {
    out_.equal = dtypes_[0] == dtypes_[1] && out_.max_abs == 0;
    out_.within = out_.outside == 0;
    if (out_.finite > 0) {
      out_.mean_abs = sum_abs_ / static_cast<double>(out_.finite);
      out_.mean_rel = sum_rel_ / static_cast<double>(out_.finite);
      if (has_places_) out_.max_ulp = max_places_;
    }
    out_.norm_of_change = std::sqrt(squares_);
    out_.norm_of_a = std::sqrt(squares_a_);
    out_.cosine = cosine_.value();
    if (out_.max_abs > 0) out_.worst = index_of(worst_);
    return std::move(out_);
  }

  // Of an element in row-major order.
  std::vector<std::int64_t> index_of(std::uint64_t element) const {
    std::vector<std::int64_t> index(out_.shape.size());
    for (std::size_t i = index.size(); i-- > 0;) {
      const auto size = static_cast<std::uint64_t>(out_.shape[i]);
      index[i] = static_cast<std::int64_t>(element % size);
      element /= size;
    }
    return index;
  }

  std::array<DType, 2> dtypes_;
  std::array<ElementReader, 2> readers_;
  Tolerance tolerance_;
  bool is_exact_ = false;       // integers that doubles do not hold all of
  bool has_places_ = false;     // one floating dtype
  std::size_t components_ = 1;  // of a pair's sides, both
  std::unique_ptr<Block> block_;
  Cosine cosine_;
  double sum_abs_ = 0, sum_rel_ = 0;
  double squares_ = 0, squares_a_ = 0;  // of gaps, and of A's numbers
  std::uint64_t max_places_ = 0;
  std::uint64_t worst_ = 0;
  TensorDifference out_;
};

}  // namespace

TensorDifference tensor_difference(const Tensor& a, const Tensor& b, const Tolerance& tolerance) {
  HUBCELL_CHECK(a.shape() == b.shape());
  return Comparer(a, b, tolerance).run();
}

}  // namespace hubcell::compare
