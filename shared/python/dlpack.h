// DLPack's structures, as its specification lays them out (version 0.8, "dltensor" capsules). Written out
// here because torch 1.13 and later agree on these and no header of theirs may be needed.
#pragma once

#include <cstdint>

namespace hubcell::python::dlpack {

inline constexpr const char* kCapsuleName = "dltensor";
inline constexpr std::int32_t kDeviceCpu = 1;

enum class TypeCode : std::uint8_t { Int = 0, UInt = 1, Float = 2, Bfloat = 4, Complex = 5 };

struct DataType {
  TypeCode code;
  std::uint8_t bits;
  std::uint16_t lanes;
};

struct Device {
  std::int32_t type;
  std::int32_t id;
};

struct DLTensor {
  void* data;
  Device device;
  std::int32_t dimensions;
  DataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;  // null: row-major
  std::uint64_t byte_offset;
};

struct DLManagedTensor {
  DLTensor tensor;
  void* context;
  void (*deleter)(DLManagedTensor* self);
};
static_assert(sizeof(DataType) == 4 && sizeof(DLTensor) == 48 && sizeof(DLManagedTensor) == 64);

}  // namespace hubcell::python::dlpack
