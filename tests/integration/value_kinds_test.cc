// Every kind of value there and back between C++ and a worker function in Python, under each torch that is there:
// compared bit for bit in dtype, shape, strides, elements and what is shared.
#include <gtest/gtest.h>
#include <hubcell/hub.h>

#include <algorithm>

#include "tests/support/error_of.h"
#include "tests/support/interpreters.h"
#include "tests/support/kinds_repository.h"
#include "tests/support/sample_values.h"

namespace hubcell {
namespace {

using tests::error_of;

// The parameter is an interpreter; empty where this machine has no second torch.
class ValueKindsTest : public testing::TestWithParam<std::string> {
 protected:
  ValueKindsTest() { tests::write_kinds_repository(folder_); }
  void SetUp() override {
    if (GetParam().empty()) GTEST_SKIP() << "no second torch; tools/test_environments says why";
    hub_.emplace(HubOptions{.python = GetParam()});
  }

  Value call(const std::string& entry, Arguments arguments = {}) {
    return hub_->load(folder_.path(), entry, std::move(arguments));
  }
  Value echo(const Value& value) { return call("echo", {value})[0]; }

  // What the torch of the interpreter has of the dtypes that travel.
  std::vector<DType> dtypes() {
    std::vector<DType> found;
    const Value names = call("dtypes");
    for (const Value& name : *names.items())
      if (const auto dtype = dtype_named(name.text())) found.push_back(*dtype);
    return found;
  }

  tests::TemporaryFolder folder_;
  std::optional<Hub> hub_;
};

TEST_P(ValueKindsTest, EveryKindMakesTheRoundTrip) {
  const std::vector<DType> dtypes = this->dtypes();
  EXPECT_GE(dtypes.size(), 13U);
  for (const auto& [name, value] : tests::sample_values(dtypes))
    EXPECT_EQ(tests::difference(echo(value), value), "") << name;
}

TEST_P(ValueKindsTest, PythonSeesItsOwnTypes) {
  const std::pair<Value, const char*> expected[] = {
      {std::complex<double>(1, 2), "builtins.complex"},
      {BigInt{"0xffffffffffffffffff"}, "builtins.int"},
      {Ellipsis{}, "builtins.ellipsis"},
      {Range{0, 3, 1}, "builtins.range"},
      {Slice{{1, 2, 3}}, "builtins.slice"},
      {Path{"/a"}, "pathlib.PosixPath"},
      {DType::Float32, "torch.dtype"},
      {TorchConstant{"channels_last"}, "torch.memory_format"},
      {Device{"cpu"}, "torch.device"},
      {Size{{1, 2}}, "torch.Size"},
      {Set{{1, 2}}, "builtins.set"},
      {Set{.items = {1}, .is_frozen = true}, "builtins.frozenset"},
      {Dict{.items = {}, .is_ordered = true}, "collections.OrderedDict"},
      {NamedTuple{"hubconf.py.Point", {"x", "y"}, {1, 2}}, "hubconf.py.Point"},
      {Tensor::zeros(DType::Float32, {2}).with_grad(true, true), "torch.nn.parameter.Parameter"},
      {Tensor::zeros(DType::Float32, {2}), "torch.Tensor"},
      {Array{Tensor::zeros(DType::Float32, {2})}, "numpy.ndarray"},
      {Scalar{.dtype = DType::Int16}, "numpy.int16"},
      {Image{.mode = "L", .width = 1, .height = 1, .pixels = Tensor::zeros(DType::UInt8, {1})},
       "PIL.Image.Image"}};
  for (const auto& [value, type] : expected)
    EXPECT_EQ(call("types", {value})[0].text(), type) << value.describe();
}

TEST_P(ValueKindsTest, WhatOnlyPythonCanMakeArrivesToo) {
  const Value answers = call("answers");
  const auto get = [&](const char* name) -> const Value& { return *answers.find(name); };
  EXPECT_EQ(get("named tuple").find("y")->text(), "b");
  EXPECT_EQ(get("maximum").as<NamedTuple>().type, "torch.return_types.max");
  EXPECT_EQ(get("maximum").find("values")->tensor().items<float>()[2], 11.0F);
  EXPECT_EQ(get("conjugate").tensor().items<float>()[1], -1.0F);
  EXPECT_EQ(get("negative view").tensor().items<float>()[0], -1.0F);
  EXPECT_EQ(get("reversed array").as<Array>().elements.contiguous().items<std::int32_t>()[0], 11);
  EXPECT_EQ(get("fortran array").as<Array>().elements.strides(), (std::vector<std::int64_t>{1, 3}));
  EXPECT_EQ(get("big-endian array").as<Array>().elements.items<std::int32_t>()[1], 1);
  EXPECT_EQ(get("read-only array").as<Array>().elements.items<double>()[2], 2.0);
  EXPECT_EQ(get("array of one field").as<Array>().elements.items<float>()[1], 4.5F);
  EXPECT_EQ(get("scalars")[0].as<Scalar>().dtype, DType::Float32);
  EXPECT_EQ(get("scalars")[4].as<Scalar>().dtype, DType::UInt64);
  EXPECT_TRUE(get("parameter").tensor().is_parameter() && get("parameter").tensor().requires_grad());
  EXPECT_FALSE(get("with a history").tensor().requires_grad()) << "its history stays in the worker";
  EXPECT_EQ(get("subclass").tensor().count(), 2U);
  EXPECT_EQ(get("number").integer(), 7);
  EXPECT_EQ(get("large").as<BigInt>().hex, "0x10000000000000000000000000");
  EXPECT_EQ(get("text of numpy").text(), "text");
  EXPECT_EQ(get("path").as<Path>().text, "/a/b");
  EXPECT_EQ(get("size").as<Size>().sizes, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(get("dtype").as<TorchConstant>().name, "bfloat16");
  EXPECT_TRUE(get("ordered").as<Dict>().is_ordered);
  EXPECT_EQ(get("image").as<Image>().pixels.data()[0], std::byte{7});
  EXPECT_EQ(get("windows").tensor().contiguous().items<float>()[3], 1.0F);
  EXPECT_TRUE(get("odd strides").tensor().is_contiguous());
}

TEST_P(ValueKindsTest, MemoryThatIsSharedStaysShared) {
  const Value answers = call("answers");
  const Value& shared = *answers.find("shared memory");
  const Tensor whole = shared[0].tensor(), row = shared[1].tensor(), turned = shared[2].tensor();
  const Tensor array = shared[3].as<Array>().elements;
  EXPECT_EQ(row.data(), whole.data() + 3 * sizeof(float));
  EXPECT_EQ(turned.data(), whole.data());
  EXPECT_EQ(turned.strides(), (std::vector<std::int64_t>{1, 3}));
  EXPECT_EQ(array.data(), whole.data());

  const Value list = List{{1}};
  const Value back = echo(Tuple{{list, Dict{{{"again", list}}}, whole, row}});
  EXPECT_EQ(back[0].identity(), back[1].find("again")->identity());
  EXPECT_EQ(back[3].tensor().data(), back[2].tensor().data() + 3 * sizeof(float));
}

TEST_P(ValueKindsTest, AValueThatHoldsItselfOrRepeatsWithoutEndIsRefused) {
  const Error error = error_of([&] { call("self_reference"); });
  EXPECT_EQ(error.code(), ErrorCode::Usage);
  EXPECT_NE(std::string(error.what()).find("holds itself"), std::string::npos) << error.what();
  EXPECT_EQ(error_of([&] { call("deep_sharing"); }).code(), ErrorCode::Usage);
}

TEST_P(ValueKindsTest, WhatDoesNotTravelIsAHandleThatSaysWhatItIs) {
  const Value handles = call("handles");
  const std::pair<const char*, const char*> expected[] = {{"sparse", "layout=torch.sparse_coo"},
                                                          {"csr", "layout=torch.sparse_csr"},
                                                          {"quantized", "quantization_scheme"},
                                                          {"meta", "device='meta'"},
                                                          {"nested", "nested_tensor"},
                                                          {"objects", "dtype=object"},
                                                          {"dates", "datetime64"},
                                                          {"default dict", "defaultdict"}};
  for (const auto& [name, words] : expected) {
    const Value* handle = handles.find(name);
    ASSERT_TRUE(handle != nullptr && handle->is<Handle>()) << name;
    EXPECT_NE(Object(*handle).repr().find(words), std::string::npos) << Object(*handle).repr();
  }
}

TEST_P(ValueKindsTest, ADTypeThatTheTorchLacksIsOneClearLine) {
  const std::vector<DType> dtypes = this->dtypes();
  if (std::ranges::find(dtypes, DType::UInt16) != dtypes.end()) GTEST_SKIP() << "this torch has them all";
  const Error error = error_of([&] { echo(Tensor::zeros(DType::UInt16, {2})); });
  EXPECT_NE(std::string(error.what()).find("this worker's torch has no such dtype"), std::string::npos);
}

TEST_P(ValueKindsTest, ACopyOfAFileReachesTheWorker) {
  tests::TemporaryFolder secret;
  const std::string path = secret.write("notes.txt", "hello");
  const Error refused = error_of([&] { call("read", {path}); });
  EXPECT_NE(std::string(refused.what()).find("File::read"), std::string::npos) << refused.what();
  const Value answer = call("read", {File::read(path)});
  EXPECT_EQ(answer[1].text(), "hello");
  EXPECT_TRUE(answer[0].text().ends_with("/notes.txt"));
}

INSTANTIATE_TEST_SUITE_P(Debian, ValueKindsTest, testing::Values("/usr/bin/python3"));
INSTANTIATE_TEST_SUITE_P(SecondTorch, ValueKindsTest, testing::Values(tests::second_torch_python()));

}  // namespace
}  // namespace hubcell
