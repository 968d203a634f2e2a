#include "tools/cli/npy.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include <hubcell/error.h>

#include "tools/cli/elements.h"

namespace hubcell::cli {
namespace {

constexpr std::string_view kMagic("\x93NUMPY\x01\x00", 8);
constexpr std::size_t kAlignment = 64;

// "<f4": little-endian, as this machine and every one that torch runs on.
std::string_view type_code(DType dtype) {
  switch (dtype) {
    case DType::Bool:
      return "|b1";
    case DType::UInt8:
      return "|u1";
    case DType::Int8:
      return "|i1";
    case DType::Int16:
      return "<i2";
    case DType::Int32:
      return "<i4";
    case DType::Int64:
      return "<i8";
    case DType::Float16:
      return "<f2";
    case DType::BFloat16:
    case DType::Float32:
      return "<f4";
    case DType::Float64:
      return "<f8";
    case DType::Complex64:
      return "<c8";
    case DType::Complex128:
      return "<c16";
    case DType::UInt16:
      return "<u2";
    case DType::UInt32:
      return "<u4";
    case DType::UInt64:
      return "<u8";
    default:
      throw Error(ErrorCode::Usage, "write .npy: numpy has no dtype " + std::string(name(dtype)));
  }
}

std::string header_of(const Tensor& tensor) {
  std::string shape;
  for (const std::int64_t size : tensor.shape())
    shape += std::to_string(size) + ", ";
  std::string header = "{'descr': '" + std::string(type_code(tensor.dtype())) +
                       "', 'fortran_order': False, 'shape': (" + shape + "), }";
  const std::size_t unpadded = kMagic.size() + 2 + header.size() + 1;
  header.append((kAlignment - unpadded % kAlignment) % kAlignment, ' ');
  return header + '\n';
}

std::string elements_of(const Tensor& tensor) {
  if (tensor.dtype() != DType::BFloat16) {
    return std::string(reinterpret_cast<const char*>(tensor.data()), tensor.bytes());
  }
  std::string wide(tensor.count() * 4, '\0');  // a bfloat16 is the upper half of a float32
  for (std::size_t i = 0; i < tensor.count(); ++i)
    std::memcpy(&wide[4 * i + 2], tensor.data() + 2 * i, 2);
  return wide;
}

}  // namespace

std::string npy_of(const Tensor& given) {
  const Tensor tensor = in_row_major_order(given);
  const std::string header = header_of(tensor);
  std::string file(kMagic);
  file += static_cast<char>(header.size() & 0xff);
  file += static_cast<char>(header.size() >> 8);
  return file + header + elements_of(tensor);
}

void write_file(const std::string& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  file.close();
  if (!file) throw Error(ErrorCode::System, "write " + path + ": " + std::strerror(errno));
}

}  // namespace hubcell::cli
