#include "tools/compare/preview.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tools/compare/numbers/element_reader.h"
#include "tools/compare/numbers/element_views.h"
#include "tools/compare/numbers/numbers.h"

namespace hubcell::compare {
namespace {

constexpr std::size_t kElementsMax = std::size_t{1} << 24U;
constexpr std::int64_t kThumbnailSide = 96;  // pixels
constexpr std::size_t kSeriesParts = 240;
constexpr std::int64_t kSeriesMin = 16;

// All elements as doubles, in row-major order.
std::vector<double> numbers_in(const Tensor& tensor) {
  ElementReader reader(tensor);
  std::vector<std::byte> raw(tensor.count() * item_bytes(tensor.dtype()));
  reader.read(raw);
  std::vector<double> numbers(tensor.count());
  to_doubles(tensor.dtype(), raw.data(), numbers);
  return numbers;
}

// Where the pixels of a picture lie among the elements.
struct Layout {
  std::int64_t height = 0, width = 0, channels = 0;
  bool channels_last = false;
};

bool is_channel_count(std::int64_t count) {
  return count == 1 || count == 3;
}

std::optional<Layout> layout_of(std::vector<std::int64_t> shape) {
  if (shape.size() == 4 && shape[0] == 1) shape.erase(shape.begin());
  if (shape.size() != 3 || std::ranges::any_of(shape, [](std::int64_t size) { return size < 1; }))
    return std::nullopt;
  const auto is_large = [&](std::size_t y, std::size_t x) { return shape[y] >= 8 && shape[x] >= 8; };
  if (is_channel_count(shape[0]) && is_large(1, 2))
    return Layout{.height = shape[1], .width = shape[2], .channels = shape[0]};
  if (is_channel_count(shape[2]) && is_large(0, 1))
    return Layout{.height = shape[0], .width = shape[1], .channels = shape[2], .channels_last = true};
  return std::nullopt;
}

// What is shown as black and as white: the usual ranges of pixels, else what the numbers span.
std::pair<double, double> range_of(const std::vector<double>& numbers, bool is_bytes) {
  double least = std::numeric_limits<double>::infinity(), most = -least;
  for (const double number : numbers) {
    if (!std::isfinite(number)) continue;
    least = std::min(least, number);
    most = std::max(most, number);
  }
  if (is_bytes) return {0, 255};
  if (least >= 0 && most <= 1) return {0, 1};
  return least < most ? std::pair{least, most} : std::pair{least - 1, least + 1};
}

Preview thumbnail_of(const Tensor& tensor, const Layout& layout) {
  const std::vector<double> numbers = numbers_in(tensor);
  const auto [black, white] = range_of(numbers, tensor.dtype() == DType::UInt8);
  const std::int64_t longest = std::max(layout.height, layout.width);
  const std::int64_t step = (longest + kThumbnailSide - 1) / kThumbnailSide;
  Preview preview{.kind = Preview::Kind::Image,
                  .width = static_cast<std::uint32_t>((layout.width + step - 1) / step),
                  .height = static_cast<std::uint32_t>((layout.height + step - 1) / step)};
  for (std::int64_t y = 0; y < layout.height; y += step) {
    for (std::int64_t x = 0; x < layout.width; x += step) {
      for (std::int64_t color = 0; color < 3; ++color) {
        const std::int64_t channel = layout.channels == 1 ? 0 : color;
        const std::int64_t at = layout.channels_last ? (y * layout.width + x) * layout.channels + channel
                                                     : (channel * layout.height + y) * layout.width + x;
        const double share = (numbers[static_cast<std::size_t>(at)] - black) / (white - black);
        preview.pixels.push_back(
            static_cast<std::uint8_t>(std::isfinite(share) ? std::clamp(share, 0.0, 1.0) * 255 : 0));
      }
    }
  }
  return preview;
}

Preview series_of(const Tensor& tensor) {
  const std::vector<double> numbers = numbers_in(tensor);
  const std::size_t parts = std::min(kSeriesParts, numbers.size());
  Preview preview{.kind = Preview::Kind::Series, .length = static_cast<double>(numbers.size())};
  for (std::size_t part = 0; part < parts; ++part) {
    const std::size_t begin = part * numbers.size() / parts, end = (part + 1) * numbers.size() / parts;
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (std::size_t i = begin; i < end; ++i) {
      if (!std::isfinite(numbers[i])) continue;
      low = std::min(low, numbers[i]);
      high = std::max(high, numbers[i]);
    }
    preview.lows.push_back(static_cast<float>(low <= high ? low : 0));
    preview.highs.push_back(static_cast<float>(low <= high ? high : 0));
  }
  return preview;
}

// One dimension that is long, and no other.
bool is_series(const Tensor& tensor) {
  const auto longest = std::ranges::max_element(tensor.shape());
  return longest != tensor.shape().end() && *longest >= kSeriesMin &&
         static_cast<std::size_t>(*longest) == tensor.count();
}

std::optional<Preview> preview_of_value(const Value& value) {
  const std::optional<Elements> elements = elements_of(value);
  if (!elements || elements->tensor.count() > kElementsMax) return std::nullopt;
  const Tensor& tensor = elements->tensor;
  if (number_kind(tensor.dtype()) == NumberKind::Complex) return std::nullopt;
  if (const std::optional<Layout> layout = layout_of(tensor.shape())) return thumbnail_of(tensor, *layout);
  if (is_series(tensor)) return series_of(tensor);
  return std::nullopt;
}

}  // namespace

Preview preview_of(const Input& input) {
  for (const Value& value : input.positional) {
    if (std::optional<Preview> preview = preview_of_value(value)) return std::move(*preview);
  }
  for (const auto& [name, value] : input.named) {
    if (std::optional<Preview> preview = preview_of_value(value)) return std::move(*preview);
  }
  return {};
}

}  // namespace hubcell::compare
