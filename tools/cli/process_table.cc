#include "tools/cli/process_table.h"

#include <algorithm>
#include <cstdio>

#include "tools/cli/text_output.h"
#include "tools/text/figures.h"
#include "tools/text/printable.h"
#include "tools/text/style.h"

namespace hubcell::cli {
namespace {

constexpr std::size_t kProgramColumns = 13;  // "python3 26753"
constexpr std::size_t kModelColumnsMin = 12;
// What the others take, with the spaces between them.
constexpr std::size_t kOtherColumns = 8 + kProgramColumns + 1 + 1 + 9 + 6 + 8 + 8;

std::string count_text(std::uint64_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

// The end of a long name says more than its beginning.
std::string fit(std::string text, std::size_t columns) {
  if (text.size() > columns) text = "~" + text.substr(text.size() - columns + 1);
  text.resize(columns, ' ');
  return text;
}

std::string processors_text(const RunningWorker& worker, const RunningSupervisor& seen,
                            const RunningSupervisor* before) {
  if (before == nullptr) return text::duration_text(worker.processor_time);
  const auto earlier = std::ranges::find(before->workers, worker.pid, &RunningWorker::pid);
  const auto time = (seen.age - before->age).count();
  if (earlier == before->workers.end() || time <= 0) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.0f%%",
                100.0 * static_cast<double>((worker.processor_time - earlier->processor_time).count()) /
                    static_cast<double>(time));
  return text;
}

std::string state_text(const RunningWorker& worker) {
  if (worker.state != "ready") return worker.state;
  return worker.calls > 0 ? "calling" : "idle " + text::duration_text(worker.idle);
}

// "132 MiB"
std::string short_size_text(std::uint64_t bytes) {
  const bool is_large = bytes >= std::uint64_t{10} << 30U;
  return is_large ? std::to_string(bytes >> 30U) + " GiB" : std::to_string(bytes >> 20U) + " MiB";
}

std::string model_text(const RunningWorker& worker) {
  const std::string label = text::one_line(text::printable(worker.label));
  return worker.entry.empty() ? label : label + " " + text::one_line(text::printable(worker.entry));
}

}  // namespace

std::string process_table(const RunningSupervisor& seen, const RunningSupervisor* before,
                          const text::Style& style, std::size_t columns) {
  std::string text = "supervisor " + std::to_string(seen.pid) + (seen.is_draining ? ", about to end" : "") +
                     ", for " + text::duration_text(seen.age) + ": " +
                     count_text(seen.programs, "program", "programs") + ", " +
                     count_text(seen.workers.size(), "worker", "workers") + ", " +
                     count_text(seen.templates, "interpreter", "interpreters") + ", " +
                     text::size_text(seen.private_bytes) + "\n";
  if (seen.weights_bytes != 0)
    text += "weights " + text::size_text(seen.weights_bytes) + ", equal ones counted once\n";
  if (seen.workers.empty()) return text;
  const std::size_t model_columns =
      std::max(kModelColumnsMin, columns > kOtherColumns ? columns - kOtherColumns : 0);
  char line[512];
  const auto add = [&](const char* pid, const std::string& program, const std::string& model,
                       const std::string& state, const std::string& processors,
                       const std::string& private_size, const std::string& shared_size) {
    std::snprintf(line, sizeof line, "%7s %s %s %-9s%6s%8s%8s", pid, fit(program, kProgramColumns).c_str(),
                  fit(model, model_columns).c_str(), state.c_str(), processors.c_str(), private_size.c_str(),
                  shared_size.c_str());
    return std::string(line);
  };
  text += style.faint(add("PID", "PROGRAM", "MODEL", "STATE", "CPU", "PRIVATE", "SHARED")) + "\n";
  for (const RunningWorker& worker : seen.workers) {
    const std::string program =
        text::one_line(text::printable(worker.program)) + " " + std::to_string(worker.program_pid);
    text += add(std::to_string(worker.pid).c_str(), program, model_text(worker), state_text(worker),
                processors_text(worker, seen, before), short_size_text(worker.private_bytes),
                short_size_text(worker.shared_bytes)) +
            "\n";
  }
  return text;
}

Json to_json(const RunningSupervisor& seen) {
  const auto seconds = [](std::chrono::milliseconds time) {
    return static_cast<double>(time.count()) / 1000;
  };
  Json workers = Json::array();
  for (const RunningWorker& worker : seen.workers) {
    workers.push_back({{"pid", worker.pid},
                       {"repo", worker.label},
                       {"entry", worker.entry},
                       {"state", worker.state},
                       {"calls", worker.calls},
                       {"sandbox", worker.sandbox},
                       {"program", worker.program},
                       {"program_pid", worker.program_pid},
                       {"age_s", seconds(worker.age)},
                       {"idle_s", seconds(worker.idle)},
                       {"cpu_s", seconds(worker.processor_time)},
                       {"private_bytes", worker.private_bytes},
                       {"shared_bytes", worker.shared_bytes},
                       {"weights_bytes", worker.weights_bytes},
                       {"common_weights_bytes", worker.common_weights_bytes}});
  }
  return {{"pid", seen.pid},
          {"age_s", seconds(seen.age)},
          {"programs", seen.programs},
          {"interpreters", seen.templates},
          {"private_bytes", seen.private_bytes},
          {"weights_bytes", seen.weights_bytes},
          {"draining", seen.is_draining},
          {"workers", workers}};
}

}  // namespace hubcell::cli
