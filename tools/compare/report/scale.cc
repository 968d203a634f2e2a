#include "tools/compare/report/scale.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace hubcell::compare {
namespace {

// Beyond, a difference of two may be infinite.
constexpr double kLargest = 1e300;
constexpr double kSmallest = 1e-290;

std::string power_text(int exponent) {
  constexpr std::array<const char*, 10> kRaised = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  if (exponent >= -2 && exponent <= 3) {
    constexpr std::array<const char*, 6> kPlain = {"0.01", "0.1", "1", "10", "100", "1000"};
    const int place = exponent + 2;
    return kPlain.at(static_cast<std::size_t>(place));
  }
  std::string text = exponent < 0 ? "10⁻" : "10";
  for (const char digit : std::to_string(std::abs(exponent)))
    text += kRaised.at(static_cast<std::size_t>(digit - '0'));
  return text;
}

// 1, 2 or 5 times a power of ten, of which `most` suffice.
double step_of(double length, std::size_t most) {
  const double rough = length / static_cast<double>(most);
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= rough) return factor * power;
  return 10 * power;
}

}  // namespace

Scale Scale::linear(double from, double to) {
  Scale scale;
  from = std::isnan(from) ? 0 : std::clamp(from, -kLargest, kLargest);
  to = std::isnan(to) ? 0 : std::clamp(to, -kLargest, kLargest);
  if (from > to) std::swap(from, to);
  // Less than this cannot be told apart along an axis, or not divided into ticks.
  const double least = std::max(std::max(std::abs(from), std::abs(to)) * 1e-9, kSmallest);
  if (to - from <= least) {
    const double margin = std::abs(from) <= kSmallest ? 1 : std::abs(from) * 0.1;
    from -= margin;
    to += margin;
  }
  scale.from_ = from;
  scale.to_ = to;
  return scale;
}

Scale Scale::logarithmic(const std::vector<double>& values) {
  Scale scale;
  scale.is_logarithmic_ = true;
  double least = 400, most = -400;
  for (const double value : values) {
    if (!std::isfinite(value) || value <= 0) continue;
    least = std::min(least, std::floor(std::log10(value)));
    most = std::max(most, std::ceil(std::log10(value)));
  }
  if (least > most) least = most = 0;
  scale.from_ = least;
  scale.to_ = std::max(most, least + 1);
  return scale;
}

Scale Scale::onto(double begin, double end) const {
  Scale scale = *this;
  scale.begin_ = begin;
  scale.end_ = end;
  return scale;
}

double Scale::operator()(double value) const {
  if (is_logarithmic_) value = value > 0 ? std::log10(value) : from_;
  if (std::isnan(value)) value = from_;
  return place_of(std::clamp(value, from_, to_));
}

bool Scale::holds(double value) const {
  if (is_logarithmic_) value = value > 0 ? std::log10(value) : from_ - 1;
  return value >= from_ && value <= to_;
}

std::vector<Tick> Scale::ticks(std::size_t most, std::string (*format)(double)) const {
  std::vector<Tick> ticks;
  if (is_logarithmic_ && to_ - from_ <= 2) {
    for (double exponent = from_; exponent <= to_; ++exponent)
      for (const double factor : {1.0, 2.0, 5.0})
        if (exponent < to_ || factor == 1)
          ticks.push_back({place_of(exponent + std::log10(factor)), format(factor * std::pow(10, exponent))});
    return ticks;
  }
  const double step = is_logarithmic_ ? std::max(1.0, std::ceil((to_ - from_) / static_cast<double>(most)))
                                      : step_of(to_ - from_, most);
  // Of whole steps, so that 0 is 0 and not 1e-17.
  const double first = std::ceil(from_ / step - 1e-9);
  for (std::size_t i = 0; i <= most + 1; ++i) {
    const double value = (first + static_cast<double>(i)) * step;
    if (value > to_ + step * 1e-6) break;
    ticks.push_back({place_of(value), is_logarithmic_ ? power_text(static_cast<int>(value)) : format(value)});
  }
  return ticks;
}

double Scale::place_of(double value) const {
  return begin_ + (value - from_) / (to_ - from_) * (end_ - begin_);
}

}  // namespace hubcell::compare
