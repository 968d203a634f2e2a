// Numbers as people read them: three significant digits, units, words for what is not finite.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <hubcell/comparison.h>

namespace hubcell::compare {

// "0.312", "1230", "1.23e-7", "infinite", "NaN"
std::string figure(double number);
// "1,234,567"
std::string grouped(std::uint64_t count);
// "1 input", "1,234 inputs"
std::string counted(std::uint64_t count, const std::string& noun);
// "93.2 %"
std::string percent(double share);
// A difference of shares in percentage points: "-7.4"
std::string points(double difference);
// "312 us", "1.25 ms", "2.4 s"
std::string seconds(double time);
// "5.2 MiB"
std::string bytes(std::uint64_t size);
// "1.31 to 1.52"
using Format = std::string (*)(double);
std::string range(const Interval& interval, Format format);
// "95 %"
std::string level(double confidence);
// Of a cosine, how far it is from 1: "1.23e-7".
std::string cosine_distance(double cosine);
// "1.4x"
std::string times(double factor);
// "2026-11-27", "2026-11-27 03:50 UTC"
std::string date(std::int64_t epoch_seconds);
std::string date_and_time(std::int64_t epoch_seconds);
// "[1, 3, 224, 224]"
std::string sizes(const std::vector<std::int64_t>& sizes);

}  // namespace hubcell::compare
