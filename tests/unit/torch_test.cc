#include <hubcell/torch.h>

#include <gtest/gtest.h>

namespace hubcell::torch {
namespace {

TEST(TorchAdaptor, TensorsShareMemoryBothWays) {
  const hubcell::Tensor ours = hubcell::Tensor::of<float>(DType::Float32, {2, 2}, {1, 2, 3, 4});
  const at::Tensor theirs = to_tensor(ours);
  EXPECT_EQ(theirs.data_ptr(), ours.data());
  EXPECT_TRUE(theirs.equal(at::tensor({1.f, 2.f, 3.f, 4.f}).view({2, 2})));
  EXPECT_EQ(from_tensor(theirs).data(), ours.data());
}

TEST(TorchAdaptor, TheOwnerLivesAsLongAsTheLastView) {
  auto owner = std::make_shared<std::vector<float>>(4, 0.5f);
  const std::weak_ptr<void> watch = owner;
  at::Tensor view = to_tensor(hubcell::Tensor(DType::Float32, {4}, owner, owner->data())).slice(0, 2);
  owner.reset();
  EXPECT_FALSE(watch.expired());
  EXPECT_EQ(view.sum().item<float>(), 1.0f);
  view.reset();
  EXPECT_TRUE(watch.expired());
}

TEST(TorchAdaptor, StridedTensorsArriveInRowMajorOrder) {
  const hubcell::Tensor tensor = from_tensor(at::arange(6, at::kLong).view({2, 3}).t());
  EXPECT_EQ(tensor.shape(), (std::vector<std::int64_t>{3, 2}));
  EXPECT_EQ(tensor.items<std::int64_t>()[1], 3);
}

TEST(TorchAdaptor, ConjugateViewsAreResolved) {
  const at::Tensor complex = at::complex(at::ones({1}), at::ones({1}));
  EXPECT_EQ(from_tensor(complex.conj()).items<float>()[1], -1.0f);
}

TEST(TorchAdaptor, EveryDTypeMakesTheRoundTrip) {
  for (const at::ScalarType type :
       {at::kBool, at::kByte, at::kChar, at::kShort, at::kInt, at::kLong, at::kHalf, at::kBFloat16,
        at::kFloat, at::kDouble, at::kComplexFloat, at::kComplexDouble}) {
    const at::Tensor tensor = at::ones({3, 0, 2}, type);
    const at::Tensor full = at::ones({3}, type);
    EXPECT_EQ(to_tensor(from_tensor(tensor)).sizes(), tensor.sizes());
    EXPECT_TRUE(to_tensor(from_tensor(full)).equal(full)) << type;
  }
}

TEST(TorchAdaptor, SparseAndQuantizedTensorsAreRefused) {
  EXPECT_THROW(from_tensor(at::ones({2, 2}).to_sparse()), Error);
  EXPECT_THROW(from_tensor(at::quantize_per_tensor(at::ones({2}), 0.1, 0, at::kQInt8)), Error);
}

TEST(TorchAdaptor, ValuesMakeTheRoundTrip) {
  const Value value = Tuple{{None{}, true, 7, 0.5, "text", List{{1, "x"}}, Dict{{{"k", 1}, {2, List{}}}}}};
  const c10::IValue ivalue = to_ivalue(value);
  ASSERT_TRUE(ivalue.isTuple());
  const Value back = to_value(ivalue);
  ASSERT_EQ(back.size(), 7u);
  EXPECT_TRUE(back[0].is<None>());
  EXPECT_TRUE(back[1].as<bool>());
  EXPECT_EQ(back[2].integer(), 7);
  EXPECT_EQ(back[3].as<double>(), 0.5);
  EXPECT_EQ(back[4].text(), "text");
  EXPECT_EQ(back[5][1].text(), "x");
  EXPECT_EQ(back[6].find("k")->integer(), 1);
}

TEST(TorchAdaptor, TypedListsAndUndefinedTensorsAreUnderstood) {
  EXPECT_EQ(to_value(c10::IValue(std::vector<std::int64_t>{1, 2}))[1].integer(), 2);
  EXPECT_EQ(to_value(c10::IValue(std::vector<at::Tensor>{at::ones({2})}))[0].tensor().count(), 2u);
  EXPECT_TRUE(to_value(c10::IValue(at::Tensor())).is<None>());
}

TEST(TorchAdaptor, WhatAnIValueCannotHoldIsAnError) {
  EXPECT_THROW(to_ivalue(Handle{.class_name = "m.Net", .lease = nullptr}), Error);
  EXPECT_THROW(to_ivalue(Bytes{"x"}), Error);
  EXPECT_THROW(to_ivalue(Dict{{{Tuple{{1}}, 1}}}), Error);
  EXPECT_THROW(to_value(c10::IValue(c10::Device(at::kCPU))), Error);
}

}  // namespace
}  // namespace hubcell::torch
