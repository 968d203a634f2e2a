#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <mutex>

#include <hubcell/recording.h>

#include "tools/compare/traffic/call_clock.h"
#include "tools/compare/traffic/call_names.h"
#include "tools/compare/traffic/call_text.h"
#include "tools/compare/traffic/copied_value.h"

namespace hubcell::compare {

class Recorder::Begun {
 public:
  Json text;
  std::vector<NewTensor> tensors;
  Value state;
  Stopwatch watch;
};

class Recorder::State {
 public:
  State(const std::string& path, RecorderOptions options)
      : options_(std::move(options)), path_(path), writer_(make_file()) {
    counts_.bytes = writer_.bytes_with({});
  }

  // Whether it writes at all; the bounds are looked at when a call is written.
  bool is_writing() const { return !stopped_ && ::getpid() == process_; }

  void skip(const std::string& why) {
    bool is_first = false;
    {
      const std::lock_guard lock(mutex_);
      is_first = counts_.skipped++ == 0;
    }
    if (is_first) warn("a call is not recorded: " + why + "; the model goes on, and the count goes up");
  }

  void write(Begun& call) {
    std::string stopped_by;
    {
      const std::lock_guard lock(mutex_);
      if (!is_writing()) return;
      stopped_by = write_locked(call);
      if (!stopped_by.empty()) stop_locked(stopped_by);
    }
    if (!stopped_by.empty()) warn("recording stops: " + stopped_by + "; the model goes on");
  }

  RecorderCounts counts() const {
    const std::lock_guard lock(mutex_);
    return counts_;
  }

  void close() {
    const std::lock_guard lock(mutex_);
    if (!stopped_) stop_locked("it was closed");
  }

 private:
  SafetensorsWriter make_file() const {
    std::error_code ignored;
    if (options_.overwrite)
      std::filesystem::remove(path_, ignored);
    else if (std::filesystem::exists(path_, ignored))
      throw Error(ErrorCode::Usage, "record calls in " + path_ +
                                        ": there is such a file; choose another name, or overwrite it");
    return SafetensorsWriter(path_, options_.description, options_.header_bytes);
  }

  // Why recording ends; empty where the call was written.
  std::string write_locked(Begun& call) {
    if (counts_.calls >= options_.calls_max) return "it has " + std::to_string(counts_.calls) + " calls";
    const std::string name = name_of_call(counts_.calls), text = call.text.dump();
    std::vector<NewTensor> tensors{
        {.name = name,
         .tensor = Tensor::of<char>(DType::UInt8, {static_cast<std::int64_t>(text.size())},
                                    std::vector<char>(text.begin(), text.end()))}};
    for (NewTensor& tensor : call.tensors)
      tensors.push_back({.name = name + "/" + tensor.name, .tensor = std::move(tensor.tensor)});
    if (writer_.bytes_with(tensors) > options_.bytes_max)
      return "with the next call it would have more than " + std::to_string(options_.bytes_max) + " bytes";
    try {
      writer_.append(tensors);
    } catch (const Error& failure) {
      return failure.what();
    }
    ++counts_.calls;
    counts_.bytes = writer_.bytes_with({});
    return "";
  }

  void stop_locked(const std::string& why) {
    counts_.stopped = why;
    stopped_ = true;
  }

  void warn(const std::string& what) const {
    if (options_.warn) options_.warn("record calls in " + path_ + ": " + what);
  }

  const RecorderOptions options_;
  const std::string path_;
  const pid_t process_ = ::getpid();
  std::atomic<bool> stopped_ = false;
  mutable std::mutex mutex_;
  RecorderCounts counts_;
  SafetensorsWriter writer_;
};

namespace {

// The value as JSON, its tensors added to `tensors`: copied where they may change before they are written.
template <typename Take>
Json write_section(const char* section, const Value& value, std::vector<NewTensor>& tensors, Take take) {
  ValueWriter writer(section);
  Json json = writer.write(value);
  for (NewTensor& tensor : writer.tensors())
    tensors.push_back({.name = std::move(tensor.name), .tensor = take(tensor.tensor)});
  return json;
}

Json write_copied(const char* section, const Value& value, std::vector<NewTensor>& tensors) {
  return write_section(section, value, tensors, [](const Tensor& tensor) { return copied(tensor); });
}

Json write_lent(const char* section, const Value& value, std::vector<NewTensor>& tensors) {
  return write_section(section, value, tensors, [](const Tensor& tensor) { return tensor; });
}

Json text_json(const std::string& text) {
  std::vector<NewTensor> none;
  return write_lent("", text, none);
}

// Arguments and keywords in one, so that what they share stays shared.
Value together(const Arguments& arguments, const Keywords& keywords) {
  List named;
  for (const auto& [name, value] : keywords)
    named.items.push_back(List{{name, value}});
  return List{{List{arguments}, named}};
}

}  // namespace

Recorder::Recorder(const std::string& path, RecorderOptions options)
    : state_(std::make_unique<State>(path, std::move(options))) {}
Recorder::Recorder(Recorder&&) noexcept = default;
Recorder& Recorder::operator=(Recorder&&) noexcept = default;
Recorder::~Recorder() = default;

std::shared_ptr<Recorder::Begun> Recorder::begin(const std::string& method, const Arguments& arguments,
                                                 const Keywords& keywords, const Value& state) {
  if (!state_->is_writing()) return nullptr;
  auto begun = std::make_shared<Begun>();
  try {
    Json words = write_copied("arguments", together(arguments, keywords), begun->tensors);
    begun->text = {
        {"format", kCallFormat}, {"method", text_json(method)},      {"time", time_of_day()},
        {"seconds", 0.0},        {"arguments", std::move(words[0])}, {"keywords", std::move(words[1])}};
  } catch (const Error& unwritable) {
    state_->skip(unwritable.what());
    return nullptr;
  }
  begun->state = copied(state);
  begun->watch = Stopwatch();
  return begun;
}

void Recorder::answered(Begun& call, const Value& answer, bool drew) {
  call.text["seconds"] = call.watch.seconds();
  try {
    if (drew) call.text["state"] = write_lent("state", call.state, call.tensors);
    call.text["answer"] = write_lent("answer", answer, call.tensors);
  } catch (const Error& unwritable) {
    return state_->skip(unwritable.what());
  }
  state_->write(call);
}

void Recorder::raised(Begun& call, const CallFailure& failure, bool drew) {
  call.text["seconds"] = call.watch.seconds();
  if (drew) call.text["state"] = write_lent("state", call.state, call.tensors);
  call.text["error"] = {{"type", text_json(failure.type)}, {"message", text_json(failure.message)}};
  state_->write(call);
}

Value Recorder::call(const Callee& model, const std::string& method, Arguments arguments, Keywords keywords,
                     CallOptions options) {
  Value changed;
  Value* const caller_wants = std::exchange(options.changed_state, &changed);
  const std::shared_ptr<Begun> begun = begin(method, arguments, keywords, options.state);
  const auto drew = [&] {
    if (caller_wants != nullptr) *caller_wants = changed;
    return !changed.is<None>();
  };
  try {
    Value answer = model(method, std::move(arguments), std::move(keywords), std::move(options));
    if (drew() && begun)
      answered(*begun, answer, true);
    else if (begun)
      answered(*begun, answer, false);
    return answer;
  } catch (const Error& failure) {
    const bool has_drawn = drew();
    if (begun) raised(*begun, failure_of(failure), has_drawn);
    throw;
  }
}

void Recorder::skip(const std::string& why) {
  state_->skip(why);
}

RecorderCounts Recorder::counts() const {
  return state_->counts();
}

void Recorder::close() {
  state_->close();
}

}  // namespace hubcell::compare
