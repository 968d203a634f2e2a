#include "tools/compare/report/picture.h"

#include <png.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tools/compare/report/base64.h"

namespace hubcell::compare {
namespace {

// A thumbnail is less than 112 x 112 x 3 bytes = 37 KiB, also where it is noise.
constexpr std::uint32_t kEdgeMax = 112;
constexpr std::uint32_t kSourceEdgeMax = 1U << 14U;

struct Picture {
  std::uint32_t width = 0, height = 0;
  std::vector<std::uint8_t> pixels;
};

// Each pixel is the mean of those that it covers.
Picture thumbnail(const Preview& preview) {
  const std::uint32_t edge = std::max(preview.width, preview.height);
  const std::uint32_t step = (edge + kEdgeMax - 1) / kEdgeMax;
  Picture small{
      .width = (preview.width + step - 1) / step, .height = (preview.height + step - 1) / step, .pixels = {}};
  for (std::uint32_t y = 0; y < small.height; ++y) {
    for (std::uint32_t x = 0; x < small.width; ++x) {
      const std::uint32_t right = std::min(preview.width, (x + 1) * step),
                          bottom = std::min(preview.height, (y + 1) * step);
      for (std::size_t channel = 0; channel < 3; ++channel) {
        std::uint32_t sum = 0, count = 0;
        for (std::uint32_t row = y * step; row < bottom; ++row)
          for (std::uint32_t column = x * step; column < right; ++column, ++count)
            sum += preview.pixels[(std::size_t{row} * preview.width + column) * 3 + channel];
        small.pixels.push_back(static_cast<std::uint8_t>(sum / count));
      }
    }
  }
  return small;
}

std::vector<std::uint8_t> encode_png(const Picture& picture) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = picture.width;
  image.height = picture.height;
  image.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::vector<std::uint8_t> file(size);
  if (png_image_write_to_memory(&image, file.data(), &size, 0, picture.pixels.data(), 0, nullptr) == 0)
    return {};
  file.resize(size);
  return file;
}

}  // namespace

std::string picture_address(const Preview& preview) {
  const bool is_sized = preview.width > 0 && preview.height > 0 && preview.width <= kSourceEdgeMax &&
                        preview.height <= kSourceEdgeMax;
  if (preview.kind != Preview::Kind::Image || !is_sized ||
      preview.pixels.size() != std::size_t{3} * preview.width * preview.height)
    return "";
  const std::vector<std::uint8_t> file = encode_png(thumbnail(preview));
  return file.empty() ? "" : "data:image/png;base64," + base64(file);
}

}  // namespace hubcell::compare
