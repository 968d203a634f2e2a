#include <hubcell/torch.h>

#include <gtest/gtest.h>

#include <cstring>

namespace hubcell::torch {
namespace {

Value at_ones() {
  return from_tensor(at::ones({2}));
}

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

TEST(TorchAdaptor, StridesArriveAsTheyAre) {
  for (const at::Tensor& tensor : {at::arange(6, at::kLong).view({2, 3}).t(), at::ones({1, 3}).expand({4, 3}),
                                   at::ones({1, 3, 4, 5}).contiguous(at::MemoryFormat::ChannelsLast)}) {
    const at::Tensor back = to_tensor(from_tensor(tensor));
    EXPECT_TRUE(back.equal(tensor));
    EXPECT_EQ(back.strides(), tensor.strides());
    EXPECT_EQ(back.data_ptr(), tensor.data_ptr());
  }
}

TEST(TorchAdaptor, TheWishForGradientsTravels) {
  const hubcell::Tensor tensor = from_tensor(at::ones({2}).requires_grad_());
  EXPECT_TRUE(tensor.requires_grad());
  EXPECT_TRUE(to_tensor(tensor).requires_grad());
  EXPECT_FALSE(to_tensor(from_tensor(at::ones({2}))).requires_grad());
}

TEST(TorchAdaptor, ConjugateViewsAreResolved) {
  const at::Tensor complex = at::complex(at::ones({1}), at::ones({1}));
  EXPECT_EQ(from_tensor(complex.conj()).items<float>()[1], -1.0f);
}

TEST(TorchAdaptor, EveryDTypeMakesTheRoundTrip) {
  for (const at::ScalarType type :
       {at::kBool, at::kByte, at::kChar, at::kShort, at::kInt, at::kLong, at::kHalf, at::kBFloat16,
        at::kFloat, at::kDouble, at::kComplexHalf, at::kComplexFloat, at::kComplexDouble}) {
    const at::Tensor tensor = at::ones({3, 0, 2}, type);
    const at::Tensor full = at::ones({3}, type);
    const at::Tensor back = to_tensor(from_tensor(full));
    EXPECT_EQ(to_tensor(from_tensor(tensor)).sizes(), tensor.sizes());
    EXPECT_EQ(back.scalar_type(), type);
    EXPECT_EQ(std::memcmp(back.data_ptr(), full.data_ptr(), full.nbytes()), 0) << type;
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

TEST(TorchAdaptor, ComplexNumbersDevicesAndNamedTuplesMakeTheRoundTrip) {
  EXPECT_EQ(to_value(to_ivalue(std::complex<double>(1, -2))).as<std::complex<double>>().imag(), -2);
  const Value device = to_value(to_ivalue(Device{"cuda", 1}));
  EXPECT_EQ(device.as<Device>().type, "cuda");
  EXPECT_EQ(device.as<Device>().index, 1);
  const Value point = to_value(to_ivalue(NamedTuple{"models.Point", {"x", "y"}, {1, at_ones()}}));
  EXPECT_EQ(point.as<NamedTuple>().type, "models.Point");
  EXPECT_EQ(point.find("y")->tensor().count(), 2u);
}

TEST(TorchAdaptor, WhatHasNoIValueOfItsOwnBecomesWhatLibtorchUses) {
  EXPECT_EQ(to_ivalue(DType::Float32).toInt(), static_cast<std::int64_t>(at::kFloat));
  EXPECT_EQ(to_ivalue(Size{{1, 2}}).toIntVector(), (std::vector<std::int64_t>{1, 2}));
  EXPECT_TRUE(to_ivalue(Array{hubcell::Tensor::zeros(DType::Float32, {2})}).isTensor());
  hubcell::Scalar scalar{.dtype = DType::Float32};
  const float half = 0.5F;
  std::memcpy(scalar.bytes.data(), &half, sizeof half);
  EXPECT_EQ(to_ivalue(scalar).toDouble(), 0.5);
}

TEST(TorchAdaptor, WhatIsSharedStaysShared) {
  c10::List<std::int64_t> list({1, 2});
  const Value value = to_value(c10::ivalue::Tuple::create(list, list));
  EXPECT_EQ(value[0].identity(), value[1].identity());
  const c10::IValue back = to_ivalue(value);
  EXPECT_TRUE(back.toTupleRef().elements()[0].is(back.toTupleRef().elements()[1]));
  const at::Tensor base = at::arange(6);
  const std::vector<Value> values = to_values({base, base.slice(0, 3)});
  EXPECT_EQ(values[1].tensor().data(), values[0].tensor().data() + 3 * sizeof(std::int64_t));
}

TEST(TorchAdaptor, AListThatHoldsItselfIsRefused) {
  c10::impl::GenericList list(c10::AnyType::get());
  list.push_back(list);
  EXPECT_THROW(to_value(list), Error);
  list.clear();
}

TEST(TorchAdaptor, WhatAnIValueCannotHoldIsAnError) {
  EXPECT_THROW(to_ivalue(Handle{.class_name = "m.Net", .lease = nullptr}), Error);
  EXPECT_THROW(to_ivalue(Bytes{"x"}), Error);
  EXPECT_THROW(to_ivalue(Dict{{{Tuple{{1}}, 1}}}), Error);
  EXPECT_THROW(to_ivalue(Set{{1}}), Error);
  EXPECT_THROW(to_ivalue(BigInt{"0x1ffffffffffffffffff"}), Error);
}

}  // namespace
}  // namespace hubcell::torch
