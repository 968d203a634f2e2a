// Values as they are at one moment: what arguments and answers hold may be changed in place afterwards.
#pragma once

#include <cstdint>

#include <hubcell/object.h>

namespace hubcell::compare {

struct ValueContent {
  std::uint64_t tensor_bytes = 0;
  std::uint64_t handles = 0;
};
ValueContent content_of(const Value& value);
ValueContent content_of(const Arguments& arguments, const Keywords& keywords);

// With memory of its own. What copies share stays shared; strides stay where a tensor's elements leave no gaps.
Value copied(const Value& value);
Arguments copied(const Arguments& arguments);
Keywords copied(const Keywords& keywords);
Tensor copied(const Tensor& tensor);

}  // namespace hubcell::compare
