#include "tools/cli/run.h"

#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <utility>

#include "tools/cli/call.h"
#include "tools/cli/json_output.h"
#include "tools/cli/npy.h"
#include "tools/cli/text_output.h"
#include "tools/cli/topk.h"
#include "tools/text/printable.h"
#include "tools/text/style.h"

namespace hubcell::cli {
namespace {

template <typename Work>
auto timed(double& seconds, Work work) {
  const auto start = std::chrono::steady_clock::now();
  auto result = work();
  seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

Value call_once(Hub& hub, const Options& options, const Target& target, const std::vector<InputSpec>& specs,
                RunResult& result) {
  const Object object = callable_of(target, options.repository, options);
  if (object.is_module() && !options.train) object.call("eval");
  CallArguments arguments = make_arguments(hub, options.repository, options, specs);
  double call_s = 0;
  Value answer = timed(call_s, [&] { return call_object(object, std::move(arguments), options); });
  result.call_s = call_s;
  return answer;
}

Json to_json(const std::vector<RankedRow>& rows) {
  Json json = Json::array();
  for (const RankedRow& row : rows) {
    Json best = Json::array();
    for (const Ranked& ranked : row.best) {
      Json entry = {{"index", ranked.index}};
      if (!ranked.label.empty()) entry["label"] = ranked.label;
      entry["value"] = cli::to_json(real_part(ranked.value));
      best.push_back(std::move(entry));
    }
    json.push_back(std::move(best));
  }
  return json;
}

Json to_json(const RunResult& result, const Options& options, const std::vector<RankedRow>& top) {
  const ModelInfo& info = result.info;
  Json json = {{"repo", info.repository},
               {"ref", info.ref},
               {"commit", info.commit},
               {"entry", options.entry},
               {"python", info.python},
               {"torch", info.torch},
               {"sandbox", info.sandbox},
               {"load_s", result.load_s},
               {"call_s", result.call_s ? Json(*result.call_s) : Json()},
               {"output", cli::to_json(result.output)}};
  if (options.topk != 0) json["topk"] = to_json(top);
  return json;
}

void write_output(const std::string& path, const Value& output) {
  if (path.ends_with(".json")) return write_file(path, dump(cli::to_json(output)) + "\n");
  if (output.is<Array>()) return write_file(path, npy_of(output.as<Array>().elements));
  if (!output.is<Tensor>()) {
    throw Error(ErrorCode::Usage, "write " + path + ": the answer is " + output.describe() +
                                      ", and .npy holds one tensor; --pick one, or write .json");
  }
  write_file(path, npy_of(output.tensor()));
}

const Tensor& elements_of(const Value& output) {
  return output.is<Array>() ? output.as<Array>().elements : output.tensor();
}

// "snakers4/silero-vad@v6.0 (5a315453): loaded in 0.214 s, called in 0.0041 s"
std::string describe_run(const RunResult& result) {
  const ModelInfo& info = result.info;
  char times[96];
  std::snprintf(times, sizeof times, "loaded in %.3g s", result.load_s);
  std::string text = info.repository + (info.ref.empty() ? "" : "@" + info.ref);
  if (!info.commit.empty()) text += " (" + info.commit.substr(0, 8) + ")";
  text += std::string(": ") + times;
  if (!result.call_s) return text;
  std::snprintf(times, sizeof times, ", called in %.3g s", *result.call_s);
  return text + times;
}

}  // namespace

RunResult run_model(Hub& hub, const Options& options) {
  const std::vector<InputSpec> specs = read_specs(options);
  RunResult result;
  if (!options.labels_path.empty()) result.labels = read_labels(options.labels_path);
  CallArguments arguments = entry_arguments(options);
  const Value loaded = timed(result.load_s, [&] {
    return hub.load(options.repository, options.entry, std::move(arguments.positional),
                    std::move(arguments.named));
  });
  result.info = hub.info(options.repository);
  if (options.inputs.empty() && options.method.empty()) {
    result.output = walk(loaded, options.pick);
    return result;
  }
  const Target target = walk_to_callable(loaded, options.pick);
  result.output = walk(call_once(hub, options, target, specs, result), target.remaining);
  return result;
}

void show_result(const RunResult& result, const Options& options) {
  std::vector<RankedRow> top;
  if (options.topk != 0) top = top_elements(elements_of(result.output), options.topk, result.labels);

  if (!options.output_path.empty()) write_output(options.output_path, result.output);
  if (!options.quiet && (options.verbose || ::isatty(STDERR_FILENO) == 1)) {
    std::cerr << text::Style(STDERR_FILENO).faint(text::printable(describe_run(result))) << '\n';
  }
  const text::Style style(STDOUT_FILENO);
  if (options.json) {
    std::cout << dump(to_json(result, options, top)) << '\n';
  } else {
    std::cout << (options.topk != 0 ? to_text(top, style) : to_text(result.output, style));
  }
}

}  // namespace hubcell::cli
