// What has to hold for every value that was read, whoever wrote it.
#pragma once

#include <hubcell/value.h>

#include <functional>

#include "tests/fuzz/memory.h"

namespace hubcell::fuzz {

// Every tensor of a value, wherever it lies in it.
void for_each_tensor(const Value& value, const std::function<void(const Tensor&)>& visit);

// That messages can be made about it, and that its tensors lie where they may; touches them. The memory is the one
// that the value was read from.
void check_value(const Value& value, const Memory& memory);

// Reads the first and the last byte of each tensor.
void touch_tensors(const Value& value);

// That both hold the same, but for strides: closing gaps is the writer's right.
void check_same(const Value& value, const Value& expected);

// False for tensors that repeat their elements so often that looking at each is no matter of microseconds.
bool is_small(const Value& value);

}  // namespace hubcell::fuzz
