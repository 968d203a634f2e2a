// Files of calls: what is written comes back, killed writers and hostile files included.
#include <hubcell/recording.h>

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "tests/fuzz/random.h"
#include "tests/support/error_of.h"
#include "tests/support/sample_values.h"
#include "tests/support/temporary_folder.h"

namespace hubcell::compare {
namespace {

using tests::error_of;

Callee answering(Value answer) {
  return
      [answer](const std::string&, const Arguments&, const Keywords&, const CallOptions&) { return answer; };
}

Value failing(const std::string&, const Arguments&, const Keywords&, const CallOptions&) {
  throw Error(
      RemoteException{.type = "net.Refused", .builtin = "ValueError", .message = "no", .traceback = ""},
      "no");
}

Tensor floats(std::vector<float> numbers) {
  return Tensor::of(DType::Float32, {static_cast<std::int64_t>(numbers.size())}, numbers);
}

// Strides that name memory beyond the elements are not kept.
bool has_gaps(const Value& value) {
  return value.is<Tensor>() && value.tensor().extent_bytes() > value.tensor().bytes();
}

class RecordingTest : public testing::Test {
 protected:
  std::string path() const { return folder_.path() / "calls.safetensors"; }
  std::string content() const {
    std::ostringstream all;
    all << std::ifstream(path(), std::ios::binary).rdbuf();
    return all.str();
  }
  // As a new file: some file systems write what is truncated to the disk at once.
  void write(const std::string& bytes) const {
    std::filesystem::remove(path());
    folder_.write("calls.safetensors", bytes);
  }
  // Small, so that a test can try every byte.
  RecorderOptions small() const { return {.overwrite = true, .header_bytes = 2048}; }

  tests::TemporaryFolder folder_;
};

TEST_F(RecordingTest, EveryKindOfValueComesBack) {
  std::vector<tests::NamedValue> samples = tests::sample_values();
  Recorder recorder(path());
  for (const auto& [name, value] : samples)
    recorder.call(answering(value), name, {value}, {{"named", value}});
  EXPECT_EQ(recorder.counts().calls, samples.size());
  const Recording recording = Recording::open(path());
  ASSERT_EQ(recording.size(), samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto& [name, value] = samples[i];
    const RecordedCall call = recording.call(i);
    EXPECT_EQ(call.method, name);
    const Value expected = has_gaps(value) ? Value(value.tensor().contiguous()) : value;
    if (name == "tensors that overlap") {
      EXPECT_EQ(tests::difference(call.answer[0], expected[0]), "") << name;
      EXPECT_EQ(tests::difference(call.answer[1], expected[1].tensor().contiguous()), "") << name;
      continue;
    }
    for (const Value& found : {call.answer, call.arguments.at(0), call.keywords.at(0).second})
      EXPECT_EQ(tests::difference(found, expected), "") << name;
  }
}

TEST_F(RecordingTest, TextThatIsNoUtf8AndFilesComeBack) {
  const Value text = std::string("\xed\xa0\x80\xff", 4);
  const File file{.name = "a.wav", .content = Tensor::of<std::uint8_t>(DType::UInt8, {3}, {1, 2, 3})};
  Recorder(path()).call(answering(text), "", {file});
  const RecordedCall call = Recording::open(path()).call(0);
  EXPECT_EQ(tests::difference(call.answer, text), "");
  EXPECT_EQ(tests::difference(call.arguments.at(0), file), "");
}

TEST_F(RecordingTest, WhatIsOneValueIsOneAgain) {
  const Value same = floats({1, 2});
  Recorder(path()).call(answering(Tuple{{same, same}}), "", {same}, {{"again", same}});
  const RecordedCall call = Recording::open(path()).call(0);
  EXPECT_EQ(call.answer[0].identity(), call.answer[1].identity());
  EXPECT_EQ(call.arguments[0].identity(), call.keywords[0].second.identity());
}

TEST_F(RecordingTest, ArgumentsAreThoseOfTheBeginning) {
  const Tensor given = floats({1, 2});
  Recorder recorder(path());
  recorder.call([&](auto&&...) -> Value { return given.items<float>()[0] = 7; }, "", {given});
  EXPECT_EQ(tests::difference(Recording::open(path()).call(0).arguments[0], floats({1, 2})), "");
}

TEST_F(RecordingTest, ErrorsAreGivenOnAndRecorded) {
  Recorder recorder(path());
  EXPECT_EQ(error_of([&] { recorder.call(failing, "forward"); }).code(), ErrorCode::Remote);
  const RecordedCall call = Recording::open(path()).call(0);
  ASSERT_TRUE(call.failure);
  EXPECT_EQ(call.failure->type + ": " + call.failure->message, "net.Refused: no");
}

TEST_F(RecordingTest, AStateIsKeptWhereTheCallDrew) {
  const Value before = Dict{{{"torch", floats({1})}}};
  const Callee drawing = [](const std::string&, const Arguments&, const Keywords&,
                            const CallOptions& options) {
    *options.changed_state = Dict{{{"torch", floats({2})}}};
    return Value(0.5);
  };
  Recorder recorder(path());
  Value changed;
  recorder.call(drawing, "", {}, {}, {.state = before, .changed_state = &changed});
  recorder.call(answering(1), "", {}, {}, {.state = before});
  EXPECT_EQ(tests::difference(changed.find("torch")->tensor(), floats({2})), "");
  EXPECT_EQ(tests::difference(Recording::open(path()).call(0).state, before), "");
  EXPECT_TRUE(Recording::open(path()).call(1).state.is<None>());
}

TEST_F(RecordingTest, AFileThatIsThereStays) {
  Recorder(path()).call(answering(1), "");
  EXPECT_EQ(error_of([&] { Recorder recorder(path()); }).code(), ErrorCode::Usage);
  EXPECT_EQ(Recording::open(path()).size(), 1U);
  Recorder(path(), {.overwrite = true});
  EXPECT_EQ(Recording::open(path()).size(), 0U);
}

TEST_F(RecordingTest, BoundsEndTheRecordingAndNotTheCalls) {
  std::vector<std::string> warnings;
  const auto warn = [&](const std::string& warning) { warnings.push_back(warning); };
  Recorder few(path(), {.calls_max = 2, .warn = warn});
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(few.call(answering(i), "").integer(), i);
  EXPECT_EQ(few.counts().calls, 2U);
  EXPECT_EQ(warnings.size(), 1U);
  Recorder small_one(path(), {.bytes_max = 70'000, .overwrite = true, .warn = warn});
  for (int i = 0; i < 5; ++i)
    small_one.call(answering(Tensor::zeros(DType::UInt8, {2000})), "");
  EXPECT_EQ(small_one.counts().calls, 2U);
  EXPECT_LE(content().size(), 70'000U);
  EXPECT_EQ(warnings.size(), 2U);
  EXPECT_EQ(Recording::open(path()).size(), 2U);
}

TEST_F(RecordingTest, HandlesAreSkippedAndCounted) {
  std::vector<std::string> warnings;
  Recorder recorder(path(), {.warn = [&](const std::string& warning) { warnings.push_back(warning); }});
  const Value handle = Handle{.id = 1, .class_name = "net.Part", .lease = nullptr};
  recorder.call(answering(handle), "part");
  recorder.call(answering(1), "", {List{{handle}}});
  recorder.call(answering(1), "");
  EXPECT_EQ(std::tuple(recorder.counts().calls, recorder.counts().skipped), std::tuple(1U, 2U));
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("net.Part"), std::string::npos);
}

TEST_F(RecordingTest, AHeaderThatOutgrowsItsRoomIsMoved) {
  Recorder recorder(path(), {.header_bytes = 64});
  for (int i = 0; i < 300; ++i)
    recorder.call(answering(floats({static_cast<float>(i)})), "");
  EXPECT_FALSE(std::filesystem::exists(path() + ".growing"));
  const Recording recording = Recording::open(path());
  ASSERT_EQ(recording.size(), 300U);
  for (std::size_t i = 0; i < 300; ++i)
    EXPECT_EQ(recording.call(i).answer.tensor().items<float>()[0], static_cast<float>(i));
}

TEST_F(RecordingTest, ManyThreadsWriteOneFile) {
  Recorder recorder(path(), {.header_bytes = 256});
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&recorder, thread] {
      for (int i = 0; i < 50; ++i)
        recorder.call(answering(100 * thread + i), "", {100 * thread + i});
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  const Recording recording = Recording::open(path());
  ASSERT_EQ(recording.size(), 200U);
  for (std::size_t i = 0; i < 200; ++i)
    EXPECT_EQ(recording.call(i).answer.integer(), recording.call(i).arguments[0].integer());
}

// ---- writers that are killed

// Where `one` and `other` begin to differ.
std::size_t first_difference(const std::string& one, const std::string& other) {
  return static_cast<std::size_t>(std::mismatch(one.begin(), one.end(), other.begin()).first - one.begin());
}

TEST_F(RecordingTest, AWriterThatIsKilledAtAnyByteLeavesTheCallsBefore) {
  Recorder recorder(path(), small());
  recorder.call(answering(floats({1, 2})), "first");
  const std::string before = content();
  recorder.call(answering(floats({3})), "second");
  const std::string after = content();
  // The tensors' bytes come first,
  for (std::size_t bytes = before.size(); bytes <= after.size(); ++bytes) {
    write(before + after.substr(before.size(), bytes - before.size()));
    EXPECT_EQ(Recording::open(path()).size(), 1U);
    EXPECT_EQ(Recording::open(path()).tail_bytes(), bytes - before.size());
  }
  // then their entries, behind the brace that ends the header,
  std::string partly = before + after.substr(before.size());
  const std::size_t brace = first_difference(partly, after);
  const std::size_t end = after.find("}  ", brace) + 1;
  ASSERT_EQ(partly[brace], '}');
  for (std::size_t i = brace + 1; i < end; ++i) {
    partly[i] = after[i];
    write(partly);
    EXPECT_EQ(Recording::open(path()).size(), 1U);
    EXPECT_EQ(Recording::open(path()).call(0).method, "first");
  }
  // and the comma in its place last.
  partly[brace] = after[brace];
  ASSERT_EQ(partly, after);
  write(partly);
  EXPECT_EQ(Recording::open(path()).call(1).method, "second");
}

// ---- hostile files

// Reads all of it: true where it can be read. What is thrown otherwise is one line, and names the file.
bool can_be_read(const std::string& path) {
  try {
    const Recording recording = Recording::open(path);
    for (std::size_t i = 0; i < recording.size(); ++i)
      recording.call(i);
    return true;
  } catch (const Error& refused) {
    const std::string line = refused.what();
    EXPECT_NE(line.find(path), std::string::npos) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
    EXPECT_EQ(refused.code(), ErrorCode::Usage) << line;
    return false;
  }
}

TEST_F(RecordingTest, AFileThatIsCutOffIsRefused) {
  Recorder recorder(path(), small());
  recorder.call(answering(floats({1, 2})), "first", {"a"});
  const std::string whole = content();
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    write(whole.substr(0, bytes));
    EXPECT_FALSE(can_be_read(path())) << bytes;
  }
}

TEST_F(RecordingTest, CorruptedFilesAreReadOrRefusedInOneLine) {
  Recorder recorder(path(), small());
  for (const auto& [name, value] :
       {tests::NamedValue{"dict", Dict{{{"key", 3}, {4, Tuple{{floats({1}), None{}}}}}}},
        tests::NamedValue{"slice", Slice{{1, 2, None{}}}},
        tests::NamedValue{"big", BigInt{"0x8000000000000000"}}})
    recorder.call(answering(value), name, {value});
  const std::string whole = content();
  const std::size_t header_end = whole.find("}  ") + 1;
  fuzz::Random random(1);
  const std::string_view kTokens[] = {
      "[", "]", "{", "}", ",", ":", "\"", "-1", "99999999999999999999", "1e9", "null", "shape"};
  std::size_t refused = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = whole;
    // The header and the texts of calls are most of it, but for the room between.
    const bool in_header = random.one_in(2);
    const std::size_t begin = in_header ? 0 : 8 + 2048, end = in_header ? header_end : whole.size();
    for (std::uint64_t changes = 1 + random.below(3); changes > 0; --changes) {
      const std::size_t place = begin + random.below(end - begin);
      if (random.one_in(2))
        bytes[place] = static_cast<char>(random.next());
      else if (const std::string_view token = kTokens[random.below(std::size(kTokens))];
               place + token.size() < end)
        bytes.replace(place, token.size(), token);
    }
    write(bytes);
    refused += can_be_read(path()) ? 0 : 1;
  }
  EXPECT_GT(refused, 1000U);
}

// A file with this header, and so many bytes behind it.
std::string file_of(const std::string& header, std::size_t data_bytes) {
  const std::uint64_t bytes = header.size();
  return std::string(reinterpret_cast<const char*>(&bytes), 8) + header + std::string(data_bytes, 'x');
}

TEST_F(RecordingTest, HeadersThatCannotBeAreRefused) {
  for (
      const std::string& header : std::vector<std::string>{
          "",
          "[]",
          "{",
          "{\"a\":1}",
          "{\"a\":{}}",
          "{\"a\":\"b\"}",
          "{\"__metadata__\":{\"a\":1}}",
          R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}})",
          R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
          R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
          R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
          R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})",
          R"({"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}})",
          R"({"a":{"dtype":"F64","shape":[2305843009213693953],"data_offsets":[0,8]}})",
          R"({"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}})",
          R"({"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}})",
          R"({"a":{"dtype":"X9","shape":[1],"data_offsets":[0,1]}})",
          R"({"a":{"dtype":"U8","shape":[[1]],"data_offsets":[0,1]}})",
          R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}})",
          R"({"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}})",
          R"({"call-000000":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
          R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
          std::string(100'000, '[')}) {
    write(file_of(header, 8));
    EXPECT_FALSE(can_be_read(path())) << header.substr(0, 100);
  }
  write(std::string(8, '\xff') + "{}");
  EXPECT_FALSE(can_be_read(path()));
}

TEST_F(RecordingTest, TextsOfCallsThatCannotBeAreRefused) {
  const std::string plain =
      R"({"format":1,"method":"","time":0,"seconds":0,"arguments":[],"keywords":[],"answer":)";
  const std::string named = R"({"tensor":"t","dtype":"uint8","shape":[8]})";
  const auto file_with = [&](const std::string& text) {
    return file_of(
               R"({"call-000000/t":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"call-000000":{"dtype":"U8","shape":[)" +
                   std::to_string(text.size()) + R"(],"data_offsets":[8,)" + std::to_string(8 + text.size()) +
                   "]}}",
               8) +
           text;
  };
  for (const std::string& answer : {std::string("1"), named, "[" + named + "," + named + "]"}) {
    write(file_with(plain + answer + "}"));
    EXPECT_TRUE(can_be_read(path())) << answer;
  }
  for (const std::string& answer : std::vector<std::string>{
           "",
           "{}",
           R"({"what":1})",
           R"({"tuple":1})",
           R"({"dict":[[1]]})",
           R"({"slice":[1]})",
           R"({"int":"0xg"})",
           R"({"bytes":"f"})",
           R"({"range":[1,2,0]})",
           R"({"scalar":"00","dtype":"float32"})",
           "18446744073709551615",
           R"({"tensor":"t"})",
           R"({"tensor":"t","dtype":"uint8","shape":[9]})",
           R"({"tensor":"u","dtype":"uint8","shape":[8]})",
           R"({"tensor":"t","dtype":"uint8","shape":[8],"strides":[2]})",
           R"({"tensor":"t","dtype":"uint8","shape":[2,4],"strides":[9223372036854775807,1]})",
           R"({"tensor":"t","dtype":"uint8","shape":[-8]})",
           "[" + named + R"(,{"array":"t","dtype":"uint8","shape":[8]}])",
           R"({"image":{"tensor":"t","dtype":"uint8","shape":[8]},"mode":"L","width":-1,"height":1})",
           std::string(100, '[') + std::string(100, ']'),
           std::string(300'000, '['),
           R"({"tuple":[],"x":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}"}) {
    write(file_with(plain + answer + "}"));
    EXPECT_FALSE(can_be_read(path())) << answer.substr(0, 100);
  }
}

TEST_F(RecordingTest, WhatIsNoFileIsRefused) {
  EXPECT_EQ(error_of([&] { Recording::open(path()); }).code(), ErrorCode::System);
  EXPECT_EQ(error_of([&] { Recording::open(folder_.path()); }).code(), ErrorCode::Usage);
  EXPECT_EQ(error_of([&] { Recorder recorder(folder_.path() / "no" / "folder"); }).code(), ErrorCode::System);
}

// ---- asking again

TEST_F(RecordingTest, AReplayComparesAnswersAndErrors) {
  Recorder recorder(path());
  recorder.call(answering(floats({1, 2})), "", {1});
  recorder.call(answering(floats({1, 2})), "shifted", {2});
  EXPECT_THROW(recorder.call(failing, "raises"), Error);
  recorder.call(answering(4), "raises");
  std::vector<std::string> asked;
  const ReplayResult result =
      replay(Recording::open(path()),
             [&](const std::string& method, Arguments arguments, Keywords, CallOptions) -> Value {
               asked.push_back(method + std::to_string(arguments.size()));
               if (method == "raises") failing("", {}, {}, {});
               return method.empty() ? floats({1, 2}) : floats({1, 2.25});
             });
  EXPECT_EQ(asked, (std::vector<std::string>{"1", "shifted1", "raises0", "raises0"}));
  EXPECT_EQ(std::tuple(result.calls.size(), result.equal, result.within, result.failed, result.max_abs),
            std::tuple(4U, 2U, 2U, 1U, 0.25));
  EXPECT_EQ(result.calls[1].difference->max_abs(), 0.25);
  EXPECT_TRUE(result.calls[2].equal());
  EXPECT_FALSE(result.calls[3].within());
}

}  // namespace
}  // namespace hubcell::compare
