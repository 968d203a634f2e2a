#include "tools/compare/report/quantities.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

#include "tools/text/figures.h"

namespace hubcell::compare {
namespace {

constexpr std::size_t kSizesShown = 8;

std::string digits(double number, std::chars_format format, int precision) {
  std::array<char, 400> text{};
  const auto written = std::to_chars(text.data(), text.data() + text.size(), number, format, precision);
  return {text.data(), written.ptr};
}

std::string two_digits(unsigned number) {
  return (number < 10 ? "0" : "") + std::to_string(number);
}

// Of the years that four digits can say.
std::chrono::seconds bounded(std::int64_t epoch_seconds) {
  constexpr std::int64_t kLast = 253402300799;
  return std::chrono::seconds(std::clamp<std::int64_t>(epoch_seconds, 0, kLast));
}

}  // namespace

std::string figure(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "infinite" : "-infinite";
  const double size = std::abs(number);
  if (size >= 100 && size < 1e6) return digits(number, std::chars_format::fixed, 0);
  std::string text = digits(number, std::chars_format::general, 3);
  // "1e-07" and "1e+06": the exponent as people write it.
  if (const std::size_t e = text.find('e'); e != std::string::npos) {
    if (text[e + 1] == '+') text.erase(e + 1, 1);
    const std::size_t exponent = e + (text[e + 1] == '-' ? 2 : 1);
    while (exponent + 1 < text.size() && text[exponent] == '0')
      text.erase(exponent, 1);
  }
  return text;
}

std::string grouped(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string counted(std::uint64_t count, const std::string& noun) {
  return grouped(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string percent(double share) {
  if (!std::isfinite(share) || std::abs(share) > 1e4) return figure(share * 100) + " %";
  const double size = std::abs(share * 100);
  // 99.97 % is not 100 %, 0.01 % not none.
  const int decimals = size == 0 || size == 100 ? 0 : size < 0.1 || (size > 99.9 && size < 100) ? 2 : 1;
  return digits(share * 100, std::chars_format::fixed, decimals) + " %";
}

std::string points(double difference) {
  if (!std::isfinite(difference) || std::abs(difference) > 1e4) return figure(difference * 100);
  return difference == 0 ? "0" : digits(difference * 100, std::chars_format::fixed, 1);
}

std::string seconds(double time) {
  const double size = std::abs(time);
  if (!std::isfinite(time)) return figure(time);
  if (size == 0) return "0 s";
  if (size < 0.9995e-3) return figure(time * 1e6) + " us";
  return size < 0.9995 ? figure(time * 1e3) + " ms" : figure(time) + " s";
}

std::string bytes(std::uint64_t size) {
  return size < 1024 ? grouped(size) + " B" : text::size_text(size);
}

std::string range(const Interval& interval, Format format) {
  return format(interval.low) + " to " + format(interval.high);
}

std::string level(double confidence) {
  return figure(confidence * 100) + " %";
}

std::string cosine_distance(double cosine) {
  // Rounding makes some cosines larger than 1.
  return figure(cosine > 1 ? 0 : 1 - cosine);
}

std::string times(double factor) {
  return figure(factor) + "x";
}

std::string date(std::int64_t epoch_seconds) {
  const std::chrono::sys_days day{std::chrono::floor<std::chrono::days>(bounded(epoch_seconds))};
  const std::chrono::year_month_day calendar{day};
  std::string year = std::to_string(static_cast<int>(calendar.year()));
  return year + "-" + two_digits(static_cast<unsigned>(calendar.month())) + "-" +
         two_digits(static_cast<unsigned>(calendar.day()));
}

std::string date_and_time(std::int64_t epoch_seconds) {
  const std::chrono::seconds time = bounded(epoch_seconds);
  const auto minute = std::chrono::floor<std::chrono::minutes>(time % std::chrono::days(1)).count();
  return date(epoch_seconds) + " " + two_digits(static_cast<unsigned>(minute / 60)) + ":" +
         two_digits(static_cast<unsigned>(minute % 60)) + " UTC";
}

std::string sizes(const std::vector<std::int64_t>& sizes) {
  std::string text;
  for (std::size_t i = 0; i < sizes.size() && i < kSizesShown; ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(sizes[i]);
  return "[" + text + (sizes.size() > kSizesShown ? ", …]" : "]");
}

}  // namespace hubcell::compare
