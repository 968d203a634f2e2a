#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>

#include "tools/cli/doctor.h"
#include "tools/cli/elements.h"
#include "tools/cli/json_output.h"
#include "tools/cli/npy.h"
#include "tools/cli/options.h"
#include "tools/cli/pick.h"
#include "tools/cli/spec.h"
#include "tools/cli/text_output.h"
#include "tools/cli/topk.h"
#include "tools/cli/usage_error.h"
#include "tools/text/printable.h"
#include "tools/text/style.h"

namespace hubcell::cli {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Parsed parse(std::vector<const char*> words) {
  words.insert(words.begin(), "hubcell");
  return parse_command_line(static_cast<int>(words.size()), words.data());
}

Options options_of(std::vector<const char*> words) {
  const Parsed parsed = parse(std::move(words));
  EXPECT_FALSE(parsed.exit_code.has_value()) << parsed.text;
  return parsed.options;
}

int exit_code_of(std::vector<const char*> words) {
  return parse(std::move(words)).exit_code.value_or(-1);
}

Value pick(const Value& value, const std::string& expression) {
  const std::vector<Step> steps = parse_pick(expression);
  return walk(value, steps);
}

std::string json_of(const Value& value) {
  return dump(to_json(value));
}

Handle callable_handle() {
  return {.id = 1, .class_name = "m.Net", .is_callable = true, .lease = nullptr};
}

// ---- the command line

TEST(CommandLine, ReadsARunInFull) {
  const Options options = options_of({"run",          "a/b@v1",
                                      "net",          "--json",
                                      "-a",           "3",
                                      "-a",           "pretrained=false",
                                      "-x",           "rand:1x3x8x8",
                                      "-x",           "size=json:[1,2]",
                                      "--call",       "forward",
                                      "--pick",       "0.logits",
                                      "--topk",       "5",
                                      "--seed",       "7",
                                      "--input-seed", "8",
                                      "--deadline",   "500ms",
                                      "--memory",     "4GiB",
                                      "--threads",    "2",
                                      "--train",      "--trust",
                                      "-o",           "out.npy"});
  EXPECT_EQ(options.command, Command::Run);
  EXPECT_EQ(options.repository, "a/b@v1");
  EXPECT_EQ(options.entry, "net");
  EXPECT_TRUE(options.json && options.train);
  ASSERT_EQ(options.arguments.size(), 2u);
  EXPECT_EQ(options.arguments[0].value.integer(), 3);
  EXPECT_EQ(options.arguments[1].name, "pretrained");
  ASSERT_EQ(options.inputs.size(), 2u);
  EXPECT_EQ(std::get<InputSpec>(options.inputs[0].input).spec, "rand:1x3x8x8");
  EXPECT_EQ(std::get<Value>(options.inputs[1].input).size(), 2u);
  EXPECT_EQ(options.method, "forward");
  EXPECT_EQ(options.pick.size(), 2u);
  EXPECT_EQ(options.topk, 5u);
  EXPECT_EQ(options.seed, 7u);
  EXPECT_EQ(options.input_seed, 8u);
  EXPECT_EQ(options.deadline, std::chrono::milliseconds(500));
  EXPECT_EQ(options.memory_bytes, 4ull << 30);
  EXPECT_EQ(options.threads, 2u);
}

TEST(CommandLine, EachOptionTakesOneWordAndLeavesBracketsAlone) {
  const Options options =
      options_of({"run", "-a", "[1, 2]", "-a", "-5", "-a", "", "./folder", "net", "--pick", "[\"out\"]"});
  EXPECT_EQ(options.repository, "./folder");
  ASSERT_EQ(options.arguments.size(), 3u);
  EXPECT_EQ(options.arguments[0].value.size(), 2u);
  EXPECT_EQ(options.arguments[1].value.integer(), -5);
  EXPECT_EQ(options.arguments[2].value.text(), "");
  EXPECT_EQ(options.pick.size(), 1u);
}

TEST(CommandLine, WrongUsageIsTwo) {
  EXPECT_EQ(exit_code_of({}), 2);
  EXPECT_EQ(exit_code_of({"run", "a/b"}), 2);
  EXPECT_EQ(exit_code_of({"fly", "a/b"}), 2);
  EXPECT_EQ(exit_code_of({"run", "a/b", "net", "--sped"}), 2);
  EXPECT_EQ(exit_code_of({"run", "a/b", "net", "-x", "rand:3xx4"}), 2);
  EXPECT_EQ(exit_code_of({"run", "a/b", "net", "--topk", "0"}), 2);
  EXPECT_EQ(exit_code_of({"run", "a/b", "net", "--deadline", "soon"}), 2);
  EXPECT_EQ(exit_code_of({"run", "a/b", "net", "-o", "out.txt"}), 2);
  EXPECT_EQ(exit_code_of({"run", "a/b", "net", "--seed", "-1"}), 2);
}

TEST(CommandLine, HelpAndVersionAreAnswers) {
  EXPECT_EQ(exit_code_of({"--help"}), 0);
  EXPECT_EQ(exit_code_of({"run", "--help"}), 0);
  EXPECT_EQ(parse({"--version"}).text, std::string("hubcell ") + version() + "\n");
}

TEST(CommandLine, ReadsTimesAndSizes) {
  EXPECT_EQ(parse_duration("--deadline", "30s"), std::chrono::seconds(30));
  EXPECT_EQ(parse_duration("--deadline", "1.5"), std::chrono::milliseconds(1500));
  EXPECT_EQ(parse_duration("--deadline", "2m"), std::chrono::minutes(2));
  for (const char* wrong : {"", "s", "0s", "-1s", "nan", "1 s", "3x"})
    EXPECT_THROW(parse_duration("--deadline", wrong), UsageError) << wrong;
  EXPECT_EQ(parse_bytes("--memory", "512MB"), 512'000'000u);
  EXPECT_EQ(parse_bytes("--memory", "0.5KiB"), 512u);
  for (const char* wrong : {"", "4Gib", "-1", "0", "1e300GiB"})
    EXPECT_THROW(parse_bytes("--memory", wrong), UsageError) << wrong;
}

// ---- arguments and inputs

TEST(Argument, IsJsonElseAString) {
  EXPECT_TRUE(parse_argument("null").value.is<None>());
  EXPECT_TRUE(parse_argument("true").value.as<bool>());
  EXPECT_EQ(parse_argument("1").value.integer(), 1);
  EXPECT_EQ(parse_argument("1.0").value.as<double>(), 1.0);
  EXPECT_EQ(parse_argument("yolov5s").value.text(), "yolov5s");
  EXPECT_EQ(parse_argument("\"1\"").value.text(), "1");
  EXPECT_EQ(parse_argument("{\"b\": [1]}").value.find("b")->size(), 1u);
  EXPECT_EQ(parse_argument("-9223372036854775808").value.integer(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(parse_argument("18446744073709551615").value.as<BigInt>().hex, "0xffffffffffffffff");
}

TEST(Argument, PythonsWordsAreNoTexts) {
  EXPECT_TRUE(parse_argument("pretrained=True").value.as<bool>());
  EXPECT_FALSE(parse_argument("False").value.as<bool>());
  EXPECT_TRUE(parse_argument("weights=None").value.is<None>());
  EXPECT_EQ(parse_argument("\"True\"").value.text(), "True");
}

TEST(Argument, AFileIsReadAtOnce) {
  EXPECT_EQ(parse_argument("path=file:/etc/passwd").value.as<File>().name, "passwd");
  EXPECT_EQ(std::get<Value>(parse_input("x=file:/etc/passwd").input).as<File>().name, "passwd");
  EXPECT_THROW(parse_argument("file:/nonexistent"), Error);
  EXPECT_EQ(parse_argument("url=file:///etc/passwd").value.text(), "file:///etc/passwd");
}

TEST(Argument, ANameIsAnIdentifier) {
  EXPECT_EQ(parse_argument("model_size=\"s\"").name, "model_size");
  EXPECT_EQ(parse_argument("model_size=a=b").value.text(), "a=b");
  EXPECT_EQ(parse_argument("http://host/?a=b").value.text(), "http://host/?a=b");
  EXPECT_EQ(parse_argument("=3").value.text(), "=3");
  EXPECT_EQ(parse_argument("2x=3").name, "");
}

TEST(Input, AcceptsWhatTheWorkerCanMake) {
  for (const char* right :
       {"rand:1", "randn:2x3", "zeros:0", "ones:1x1", "arange:10", "a.npy", "dir/B.PNG", "x.jpeg"}) {
    EXPECT_EQ(std::get<InputSpec>(parse_input(right).input).spec, right);
  }
  for (const char* wrong :
       {"rand:", "rand:x", "rand:1x", "rand:-1", "rand:1e3", "arange:", "arange:2x2", "a.txt", "json:{"}) {
    EXPECT_THROW(parse_input(wrong), UsageError) << wrong;
  }
  const CallInput named = parse_input("x=rand:3");
  EXPECT_EQ(named.name, "x");
  EXPECT_FALSE(is_file(std::get<InputSpec>(named.input)));
}

TEST(Input, AFileIsReadWhenItIsNeeded) {
  const auto path = std::filesystem::temp_directory_path() / "hubcell_cli_test.npy";
  std::ofstream(path) << "bytes";
  EXPECT_EQ(with_content({.spec = path.string()}).content, "bytes");
  std::filesystem::remove(path);
  EXPECT_THROW(with_content({.spec = path.string()}), Error);
}

// ---- picking

TEST(Pick, ReadsChainedSteps) {
  EXPECT_EQ(parse_pick("").size(), 0u);
  const std::vector<Step> steps = parse_pick("0.logits[\"a.b]\"][-1].2['k']");
  ASSERT_EQ(steps.size(), 6u);
  EXPECT_EQ(std::get<IndexStep>(steps[0]).index, 0);
  EXPECT_EQ(std::get<NameStep>(steps[1]).name, "logits");
  EXPECT_EQ(std::get<KeyStep>(steps[2]).key, "a.b]");
  EXPECT_EQ(std::get<IndexStep>(steps[3]).index, -1);
  EXPECT_EQ(std::get<IndexStep>(steps[4]).index, 2);
  EXPECT_EQ(std::get<KeyStep>(steps[5]).key, "k");
  for (const char* wrong :
       {".", "0..x", "[", "[1", "[]", "[\"a]", "[\"a\"", "[x]", "0 ", "1a", "-", "[99999999999999999999]"}) {
    EXPECT_THROW(parse_pick(wrong), UsageError) << wrong;
  }
}

TEST(Pick, WalksValues) {
  const Value value = Tuple{{List{{1, 2, 3}}, Dict{{{"out", 5}, {7, 8}}}}};
  EXPECT_EQ(pick(value, "0[-1]").integer(), 3);
  EXPECT_EQ(pick(value, "1[\"out\"]").integer(), 5);
  EXPECT_EQ(pick(value, "1.out").integer(), 5);
  EXPECT_EQ(pick(value, "1.7").integer(), 8);
  for (const char* missing : {"2", "-3", "1.in", "0.out", "0.0.0"})
    EXPECT_THROW(pick(value, missing), Error) << missing;
}

TEST(Pick, TakesARowOfATensorWithoutACopy) {
  const Tensor tensor = Tensor::of<float>(DType::Float32, {2, 3}, {0, 1, 2, 3, 4, 5});
  const Value row = pick(tensor, "-1");
  EXPECT_EQ(row.tensor().shape(), std::vector<std::int64_t>{3});
  EXPECT_EQ(row.tensor().items<float>(), tensor.items<float>() + 3);
  EXPECT_EQ(pick(tensor, "1.2").tensor().items<float>()[0], 5);
  EXPECT_THROW(pick(tensor, "2"), Error);
  EXPECT_THROW(pick(tensor, "0.0.0"), Error);
}

TEST(Pick, StopsAtTheFirstCallable) {
  const std::vector<Step> steps = parse_pick("0.logits");
  const Target inside = walk_to_callable(Tuple{{callable_handle(), 1}}, steps);
  EXPECT_TRUE(is_callable(inside.value));
  EXPECT_EQ(inside.remaining.size(), 1u);
  EXPECT_EQ(walk_to_callable(callable_handle(), steps).remaining.size(), 2u);
  const Target none = walk_to_callable(Tuple{{5}}, std::span(steps).first(1));
  EXPECT_EQ(none.value.integer(), 5);
}

// ---- JSON

TEST(JsonOutput, ATensorHasAllItsFields) {
  const Json json = to_json(Value(Tensor::of<float>(DType::Float32, {1, 3}, {0.1f, -2, 4})));
  EXPECT_EQ(json["type"], "tensor");
  EXPECT_EQ(json["dtype"], "float32");
  EXPECT_EQ(json["shape"], Json({1, 3}));
  EXPECT_EQ(json["data"][0].get<float>(), 0.1f);
  EXPECT_EQ(json["sum"].get<double>(), static_cast<double>(0.1f) + 2);
  EXPECT_EQ(json["mean"].get<double>(), (static_cast<double>(0.1f) + 2) / 3);
  EXPECT_EQ(json["min"], -2.0);
  EXPECT_EQ(json["max"], 4.0);
  EXPECT_EQ(json["sha256"], sha256("\xcd\xcc\xcc\x3d\0\0\0\xc0\0\0\x80\x40", 12));
}

TEST(JsonOutput, FloatsAreReadBackAsTheyWere) {
  const std::vector<float> items = {0.1f, 1e-45f, 3.4028235e38f, -0.0f, 16777217.0f};
  const Json json = Json::parse(json_of(Tensor::of(DType::Float32, {5}, items)));
  for (std::size_t i = 0; i < items.size(); ++i)
    EXPECT_EQ(json["data"][i].get<float>(), items[i]);
}

TEST(JsonOutput, NanAndInfinityAreStrings) {
  EXPECT_EQ(json_of(kNan), "\"nan\"");
  EXPECT_EQ(json_of(-kInfinity), "\"-inf\"");
  const Json json = to_json(Value(Tensor::of<double>(DType::Float64, {3}, {1, kNan, kInfinity})));
  EXPECT_EQ(json["data"], Json({1.0, "nan", "inf"}));
  EXPECT_EQ(json["min"], "nan");
  EXPECT_EQ(json["max"], "nan");
  EXPECT_EQ(json["mean"], "nan");
}

TEST(JsonOutput, EveryDTypeKeepsItsKindOfNumber) {
  EXPECT_EQ(to_json(Value(Tensor::of<std::uint8_t>(DType::Bool, {2}, {1, 0})))["data"], Json({true, false}));
  EXPECT_EQ(to_json(Value(Tensor::of<std::uint8_t>(DType::Bool, {2}, {1, 0})))["sum"], 1);
  EXPECT_EQ(to_json(Value(Tensor::of<std::uint8_t>(DType::UInt8, {1}, {255})))["max"], 255);
  EXPECT_EQ(to_json(Value(Tensor::of<std::int8_t>(DType::Int8, {1}, {-128})))["min"], -128);
  EXPECT_EQ(to_json(Value(Tensor::of<std::int16_t>(DType::Int16, {1}, {-3})))["data"], Json({-3}));
  EXPECT_EQ(to_json(Value(Tensor::of<std::int32_t>(DType::Int32, {1}, {-3})))["data"], Json({-3}));
  EXPECT_EQ(dump(to_json(Value(Tensor::of<std::int64_t>(DType::Int64, {1}, {INT64_MAX})))["data"]),
            "[9223372036854775807]");
  const std::vector<std::uint16_t> halves = {0x3c00, 0xc000, 0x0001, 0x7c00, 0x7e00, 0x3555};
  const Json half = to_json(Value(Tensor::of(DType::Float16, {6}, halves)))["data"];
  EXPECT_EQ(half, Json({1.0, -2.0, 0x1p-24, "inf", "nan", 0x1.554p-2}));
  EXPECT_EQ(to_json(Value(Tensor::of<std::uint16_t>(DType::BFloat16, {2}, {0x3f80, 0xc049})))["data"],
            Json({1.0, -3.140625}));
  const Json complex = to_json(Value(Tensor::of<float>(DType::Complex64, {2}, {1, 2, 3, -4})));
  EXPECT_EQ(complex["data"], Json::parse("[[1.0,2.0],[3.0,-4.0]]"));
  EXPECT_EQ(complex["sum"], Json({4.0, -2.0}));
  EXPECT_TRUE(complex["min"].is_null());
}

TEST(JsonOutput, LargeTensorsLeaveTheirDataOut) {
  EXPECT_TRUE(to_json(Value(Tensor::zeros(DType::Float32, {8, 8}))).contains("data"));
  EXPECT_FALSE(to_json(Value(Tensor::zeros(DType::Float32, {65}))).contains("data"));
}

TEST(JsonOutput, AnEmptyTensorHasNoExtremes) {
  const Json json = to_json(Value(Tensor::zeros(DType::Float32, {0, 3})));
  EXPECT_EQ(json["data"], Json::array());
  EXPECT_EQ(json["sum"], 0.0);
  EXPECT_EQ(json["mean"], "nan");
  EXPECT_TRUE(json["min"].is_null());
  EXPECT_EQ(json["sha256"], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(JsonOutput, ContainersHaveTheirForms) {
  EXPECT_EQ(json_of(Tuple{{1, None{}}}), R"({"type":"tuple","items":[1,null]})");
  EXPECT_EQ(json_of(Dict{{{"a", 1}, {2, true}}}), R"({"type":"dict","items":[["a",1],[2,true]]})");
  EXPECT_EQ(json_of(List{{0.5, "x"}}), R"([0.5,"x"])");
  EXPECT_EQ(json_of(Tuple{}), R"({"type":"tuple","items":[]})");
  EXPECT_EQ(json_of("\xff"), "\"\xef\xbf\xbd\"");
}

// ---- text, topk, .npy, doctor

TEST(TextOutput, ShowsATensorInAFewLines) {
  const std::string text =
      to_text(Tensor::of<float>(DType::Float32, {1, 2}, {0.25f, 0.75f}), text::Style::plain());
  EXPECT_EQ(text, "tensor float32 [1, 2]\n  [0.25, 0.75]\n  min 0.25  mean 0.5  max 0.75\n");
  EXPECT_EQ(to_text(Tensor::of<float>(DType::Float32, {}, {0.5f}), text::Style::plain()),
            "tensor float32 []  0.5\n");
}

TEST(TextOutput, ShowsPlainValuesAsPythonDoesAndOthersAsATree) {
  EXPECT_EQ(to_text(List{{Dict{{{"start", 1}}}, None{}, Tuple{{true}}}}, text::Style::plain()),
            "[{'start': 1}, None, (True,)]\n");
  EXPECT_EQ(to_text(Tuple{{1, Tensor::of<std::int64_t>(DType::Int64, {}, {2})}}, text::Style::plain()),
            "tuple of 2\n  0: 1\n  1: tensor int64 []  2\n");
}

TEST(TextOutput, TextOfAWorkerCannotSteerTheTerminal) {
  EXPECT_EQ(to_text("a\x1b[2Jb", text::Style::plain()), "a\\x1b[2Jb\n");
  EXPECT_EQ(text::one_line("a\n\nb\n"), "a b");
}

TEST(TopK, RanksTheLastDimension) {
  const Tensor tensor = Tensor::of<double>(DType::Float64, {2, 3}, {1, 3, 3, kNan, -1, kInfinity});
  const std::vector<RankedRow> rows = top_elements(tensor, 5, {"cat", "dog"});
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1].name, "[1]");
  ASSERT_EQ(rows[0].best.size(), 3u);
  EXPECT_EQ(rows[0].best[0].index, 1u);
  EXPECT_EQ(rows[0].best[0].label, "dog");
  EXPECT_EQ(rows[0].best[1].index, 2u);
  EXPECT_EQ(rows[0].best[1].label, "");
  EXPECT_EQ(rows[1].best[0].index, 2u);
  EXPECT_EQ(rows[1].best[2].index, 0u);
  EXPECT_THROW(top_elements(Tensor::zeros(DType::Float32, {}), 1, {}), Error);
}

TEST(Npy, WritesNumpysHeader) {
  const std::string file = npy_of(Tensor::of<float>(DType::Float32, {1, 2}, {1, 2}));
  EXPECT_EQ(file.substr(0, 6), "\x93NUMPY");
  EXPECT_EQ((file.size() - 8) % 64, 0u);
  EXPECT_NE(file.find("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, ), }"), std::string::npos);
  const std::string wide = npy_of(Tensor::of<std::uint16_t>(DType::BFloat16, {1}, {0x3f80}));
  EXPECT_EQ(wide.substr(wide.size() - 4), std::string("\0\0\x80\x3f", 4));
}

TEST(Doctor, PutsTheFixBesideWhatIsMissing) {
  const Finding landlock =
      finding_of({.name = "landlock", .holds = false, .needed = true, .detail = "not in this kernel"});
  EXPECT_FALSE(landlock.fix.empty());
  EXPECT_FALSE(can_run({landlock}));
  EXPECT_FALSE(
      can_run({finding_of({.name = "capabilities", .holds = false, .needed = true, .detail = "refused"})}));
  EXPECT_TRUE(can_run({finding_of({.name = "seccomp", .holds = true, .needed = true, .detail = ""})}));
  EXPECT_NE(to_text({landlock}, text::Style::plain()).find("✗ landlock  not in this kernel  → "),
            std::string::npos);
  const Finding mounts =
      finding_of({.name = "mounts", .holds = false, .needed = false, .detail = "forbidden here"});
  EXPECT_FALSE(mounts.fix.empty());
  EXPECT_TRUE(can_run({mounts}));
}

}  // namespace
}  // namespace hubcell::cli
