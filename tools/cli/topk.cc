#include "tools/cli/topk.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>

#include <hubcell/error.h>
#include <hubcell/value.h>

#include "tools/cli/elements.h"

namespace hubcell::cli {
namespace {

// "[1, 0]" for row 2 of a tensor [3, 2, 10].
std::string row_name(const Tensor& tensor, std::size_t row) {
  std::string text;
  for (std::size_t i = tensor.shape().size() - 1; i-- > 0;) {
    const auto size = static_cast<std::size_t>(tensor.shape()[i]);
    text = std::to_string(row % size) + (text.empty() ? "" : ", ") + text;
    row /= size;
  }
  return "[" + text + "]";
}

// NaN counts as less than everything.
bool comes_first(const Number& left, const Number& right) {
  if (const auto* integer = std::get_if<std::int64_t>(&left)) return *integer > std::get<std::int64_t>(right);
  const double left_real = real_part(left), right_real = real_part(right);
  return std::isnan(right_real) ? !std::isnan(left_real) : left_real > right_real;
}

std::vector<Ranked> rank_row(const Tensor& tensor, std::size_t begin, std::size_t length, std::size_t count,
                             const std::vector<std::string>& labels) {
  std::vector<Ranked> row;
  row.reserve(length);
  for (std::size_t i = 0; i < length; ++i) {
    row.push_back({i, element(tensor, begin + i), {}});
  }
  count = std::min(count, length);
  const auto is_before = [](const Ranked& left, const Ranked& right) {
    if (comes_first(left.value, right.value)) return true;
    return !comes_first(right.value, left.value) && left.index < right.index;
  };
  std::partial_sort(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(count), row.end(), is_before);
  row.resize(count);
  for (Ranked& ranked : row) {
    if (ranked.index < labels.size()) ranked.label = labels[ranked.index];
  }
  return row;
}

}  // namespace

std::vector<RankedRow> top_elements(const Tensor& given, std::size_t count,
                                    const std::vector<std::string>& labels) {
  const Tensor tensor = in_row_major_order(given);
  const bool is_complex = name(tensor.dtype()).starts_with("complex");
  if (tensor.shape().empty() || is_complex) {
    throw Error(ErrorCode::Usage,
                "--topk of " + Value(tensor).describe() + ": it has no order; leave --topk out");
  }
  std::vector<RankedRow> rows;
  const auto length = static_cast<std::size_t>(tensor.shape().back());
  for (std::size_t begin = 0; begin < tensor.count(); begin += length) {
    rows.push_back({row_name(tensor, begin / length), rank_row(tensor, begin, length, count, labels)});
  }
  return rows;
}

std::vector<std::string> read_labels(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw Error(ErrorCode::System, "read the labels " + path + ": " + std::strerror(errno));
  std::vector<std::string> labels;
  for (std::string line; std::getline(file, line);) {
    if (line.ends_with('\r')) line.pop_back();
    labels.push_back(std::move(line));
  }
  return labels;
}

}  // namespace hubcell::cli
