// A libtorch program and a worker: what an IValue holds there and back, and the rules of gradients and random numbers.
#include <hubcell/torch.h>

#include <gtest/gtest.h>

#include <cstring>

#include "tests/support/kinds_repository.h"

namespace hubcell::torch {
namespace {

class TorchModuleTest : public testing::Test {
 protected:
  TorchModuleTest() { tests::write_kinds_repository(folder_); }

  Module load(const std::string& entry) { return torch::load(hub_, folder_.path(), entry); }
  // Through `echo`, which returns its arguments.
  c10::IValue echo(const c10::IValue& value) {
    const Module drawer = load("drawer");
    return drawer.get_method("echo")({value}).toTupleRef().elements()[0];
  }

  tests::TemporaryFolder folder_;
  Hub hub_{{.python = "/usr/bin/python3"}};
};

void expect_same(const at::Tensor& tensor, const at::Tensor& expected) {
  EXPECT_EQ(tensor.scalar_type(), expected.scalar_type());
  ASSERT_EQ(tensor.sizes(), expected.sizes());
  EXPECT_TRUE(tensor.numel() == 0 || tensor.strides() == expected.strides()) << tensor.strides();
  const at::Tensor mine = tensor.contiguous(), other = expected.contiguous();
  const bool is_same =
      mine.numel() == 0 || std::memcmp(mine.data_ptr(), other.data_ptr(), mine.nbytes()) == 0;
  EXPECT_TRUE(is_same);
}

TEST_F(TorchModuleTest, EveryTensorOfLibtorchMakesTheRoundTrip) {
  for (const at::ScalarType type :
       {at::kBool, at::kByte, at::kChar, at::kShort, at::kInt, at::kLong, at::kHalf, at::kBFloat16,
        at::kFloat, at::kDouble, at::kComplexHalf, at::kComplexFloat, at::kComplexDouble}) {
    const at::Tensor full = at::arange(24).view({2, 3, 4}).to(type);
    for (const at::Tensor& tensor :
         {full, full.transpose(0, 2), full.select(0, 1), full.slice(2, 0, 4, 4),
          full.slice(0, 0, 1).expand({5, 3, 4}), at::empty({0, 3}, full.options()), full.index({1, 1, 1})}) {
      const at::Tensor back = echo(tensor).toTensor();
      // Gaps are not sent.
      expect_same(back,
                  tensor.is_non_overlapping_and_dense() || tensor.is_contiguous() || tensor.stride(0) == 0
                      ? tensor
                      : tensor.contiguous());
    }
  }
}

TEST_F(TorchModuleTest, ConjugateAndNegativeViewsArriveAsTheirNumbers) {
  const at::Tensor complex = at::complex(at::ones({2}), at::ones({2}));
  expect_same(echo(complex.conj()).toTensor(), complex.conj().resolve_conj());
  expect_same(echo(at::imag(complex.conj())).toTensor(), at::imag(complex.conj()).resolve_neg().contiguous());
}

TEST_F(TorchModuleTest, EveryIValueMakesTheRoundTrip) {
  c10::impl::GenericDict dict(c10::StringType::get(), c10::AnyType::get());
  dict.insert("key", at::ones({1}));
  EXPECT_TRUE(echo(c10::IValue()).isNone());
  EXPECT_TRUE(echo(true).toBool());
  EXPECT_EQ(echo(std::int64_t{-5}).toInt(), -5);
  EXPECT_EQ(echo(0.1).toDouble(), 0.1);
  EXPECT_EQ(echo(c10::complex<double>(1, -2)).toComplexDouble(), c10::complex<double>(1, -2));
  EXPECT_EQ(echo("text").toStringRef(), "text");
  EXPECT_EQ(echo(c10::Device(at::kCPU)).toDevice(), c10::Device(at::kCPU));
  EXPECT_EQ(echo(std::vector<std::int64_t>{1, 2}).toListRef()[1].toInt(), 2);
  EXPECT_TRUE(echo(dict).toGenericDict().at("key").toTensor().equal(at::ones({1})));
}

TEST_F(TorchModuleTest, TensorsThatShareMemoryGoOnSharingIt) {
  const at::Tensor base = at::arange(6).view({2, 3});
  const c10::IValue back = echo(c10::ivalue::Tuple::create(base, base.t(), base[1]));
  const auto& parts = back.toTupleRef().elements();
  EXPECT_EQ(parts[1].toTensor().data_ptr(), parts[0].toTensor().data_ptr());
  EXPECT_EQ(parts[1].toTensor().strides(), base.t().strides());
  parts[0].toTensor()[1][0] = 42;
  EXPECT_EQ(parts[2].toTensor()[0].item<std::int64_t>(), 42);
}

TEST_F(TorchModuleTest, AModelDrawsTheNumbersThatItWouldDrawHere) {
  at::manual_seed(7);
  const at::Tensor first = at::rand({2});
  const at::Tensor second = at::rand({2});
  const at::Tensor third = at::rand({2});

  at::manual_seed(7);
  const Module drawer = load("drawer");
  expect_same(drawer.get_method("draw")({}).toTensor(), first);
  expect_same(at::rand({2}), second);
  expect_same(drawer.get_method("draw")({}).toTensor(), third);

  at::manual_seed(7);
  EXPECT_THROW(drawer.get_method("fails")({}), Error);
  at::manual_seed(7);
  at::rand({1});
  const at::Tensor after_one = at::rand({2});
  at::manual_seed(7);
  EXPECT_THROW(drawer.get_method("fails")({}), Error);
  expect_same(at::rand({2}), after_one);
}

TEST_F(TorchModuleTest, ManyCallsThatDrawNothingChangeNothing) {
  const Module drawer = load("drawer");
  at::manual_seed(3);
  for (int i = 0; i < 10; ++i)
    drawer.get_method("still")({});
  const at::Tensor drawn = at::rand({2});
  at::manual_seed(3);
  expect_same(drawn, at::rand({2}));
}

TEST_F(TorchModuleTest, GradientsAreRecordedWhereTheModeIsOnAndAnInputRequiresThem) {
  const Module drawer = load("drawer");
  EXPECT_FALSE(drawer.get_method("grad_mode")({}).toBool());
  const at::Tensor x = at::ones({2}).requires_grad_();
  EXPECT_TRUE(drawer.get_method("square_gradient")({x}).toTensor().equal(at::full({2}, 2.0)));
  const at::NoGradGuard guard;
  EXPECT_THROW(drawer.get_method("square_gradient")({x}), Error);
}

}  // namespace
}  // namespace hubcell::torch
