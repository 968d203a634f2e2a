// The list of layers, in the order in which a worker enters them: the filter of system calls comes last,
// because the layers before it need calls that it refuses. Entering and probing walk the same list, so that a
// report cannot name a layer that is not entered.
#include "worker/sandbox/sandbox.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>
#include <system_error>

#include <hubcell/error.h>

#include "shared/base/log.h"
#include "shared/posix/process.h"
#include "shared/posix/system_error.h"
#include "shared/posix/unique_fd.h"
#include "worker/sandbox/layers.h"

namespace hubcell::sandbox {
namespace {

enum class Rung : std::uint8_t { Always, Minimal, Full };

struct Step {
  const char* name;
  Rung rung;
  std::string (*enter)(const SandboxPlan& plan, const SeccompProgram& seccomp);
};

constexpr Step kSteps[] = {
    {"descriptors", Rung::Always, [](auto& plan, auto&) { return close_descriptors(plan.kept_descriptors); }},
    {"limits", Rung::Minimal, [](auto& plan, auto&) { return limit_resources(plan.scratch.bytes); }},
    {"user namespace", Rung::Full, [](auto&, auto&) { return enter_user_namespace(); }},
    {"namespaces", Rung::Full, [](auto&, auto&) { return leave_shared_namespaces(); }},
    {"mounts", Rung::Full, [](auto& plan, auto&) { return enter_own_tree(plan.files, plan.scratch); }},
    {"parent death", Rung::Always, [](auto& plan, auto&) { return die_with_parent(plan.parent); }},
    {"capabilities", Rung::Minimal, [](auto&, auto&) { return drop_capabilities(); }},
    {"dumpable", Rung::Minimal, [](auto&, auto&) { return forbid_dumps(); }},
    {"memory", Rung::Always, [](auto& plan, auto&) { return limit_memory(plan.memory_bytes); }},
    {"no new privileges", Rung::Minimal, [](auto&, auto&) { return give_up_new_privileges(); }},
    {"landlock", Rung::Minimal, [](auto& plan, auto&) { return restrict_files(plan.files, plan.scratch); }},
    {"seccomp", Rung::Minimal,
     [](auto&, auto& seccomp) {
       seccomp.enter();
       return "system calls by an allow-list of " + std::to_string(seccomp.instruction_count()) +
              " instructions";
     }},
};

bool is_asked_for(const Step& step, Level level) {
  if (step.rung == Rung::Always) return true;
  return level != Level::Off && (step.rung == Rung::Minimal || level != Level::Minimal);
}

Layer climb(const Step& step, const SandboxPlan& plan, const SeccompProgram& seccomp) {
  Layer layer{.name = step.name, .needed = step.rung != Rung::Full};
  if (!is_asked_for(step, plan.level)) {
    layer.detail = "not asked for";
    return layer;
  }
  for (const Layer& missing : plan.missing)
    if (plan.level == Level::Best && missing.name == layer.name) return missing;
  layer.detail = step.enter(plan, seccomp);
  layer.holds = true;
  return layer;
}

// Whether it can be had or not: what follows may go without it.
void try_to_climb(const Step& step, const SandboxPlan& plan, const SeccompProgram& seccomp) {
  try {
    climb(step, plan, seccomp);
  } catch (const Error& missing) {
    log::debug(missing.what());
  }
}

// Ends the process: 0 where the layer holds. Writes to `report` the detail, or why it does not. The namespaces before it are
// entered, too: those of an ordinary user need the user's.
[[noreturn]] void try_in_child(const Step& step, const SandboxPlan& plan, const SeccompProgram& seccomp,
                               int report) {
  Layer layer;
  try {
    for (const Step* before = std::begin(kSteps); before != &step; ++before)
      if (before->rung == Rung::Full) try_to_climb(*before, plan, seccomp);
    layer = climb(step, plan, seccomp);
  } catch (const std::exception& failure) {
    layer = {.name = step.name, .detail = failure.what()};
  }
  (void)!::write(report, layer.detail.data(), layer.detail.size());
  ::_exit(layer.holds ? 0 : 1);
}

std::string read_all(int fd) {
  std::string text;
  char part[512];
  for (;;) {
    const ssize_t count = ::read(fd, part, sizeof(part));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(part, static_cast<std::size_t>(count));
  }
}

Layer probe(const Step& step, const SeccompProgram& seccomp) {
  auto [read_end, write_end] = posix::make_pipe();
  const SandboxPlan plan{
      .kept_descriptors = {write_end.get()},
      .parent = ::getpid(),
      .memory_bytes = std::uint64_t{1} << 30,
      .files = {.readable = {}, .executable = {}, .writable = {}, .deny_tcp = true, .scope_ipc = true}};
  const pid_t pid = posix::checked(::fork(), "fork");
  if (pid == 0) try_in_child(step, plan, seccomp, write_end.get());
  posix::ChildProcess child(pid, {});
  write_end.reset();
  const std::string detail = read_all(read_end.get());
  const posix::ExitStatus status = child.wait();
  Layer layer{.name = step.name, .needed = step.rung != Rung::Full, .detail = detail};
  layer.holds = status.signal == 0 && status.exit_code == 0;
  if (status.signal != 0) layer.detail = "the process that tried it " + posix::describe(status);
  return layer;
}

}  // namespace

void refuse_layer(const std::string& attempt, const std::string& advice) {
  const int error_number = errno;
  throw Error(ErrorCode::Sandbox,
              attempt + ": " + std::generic_category().message(error_number) + "; " + advice);
}

std::vector<Layer> enter_sandbox(const SandboxPlan& plan, const SeccompProgram& seccomp) {
  // Most layers are of the thread that enters them: another would stay outside, in the same memory.
  if (const std::size_t threads = posix::thread_count(); threads != 1 && plan.level != Level::Off) {
    throw Error(ErrorCode::Sandbox,
                "enter the sandbox: the process runs " + std::to_string(threads) +
                    " threads, and one alone can enter it; report what its interpreter imports");
  }
  std::vector<Layer> layers;
  for (const Step& step : kSteps)
    layers.push_back(climb(step, plan, seccomp));
  return layers;
}

std::vector<Layer> missing_layers(const SeccompProgram& seccomp) {
  std::vector<Layer> missing;
  for (const Step& step : kSteps) {
    if (step.rung != Rung::Full) continue;
    Layer layer = probe(step, seccomp);
    if (!layer.holds) missing.push_back(std::move(layer));
  }
  return missing;
}

std::vector<Layer> probe_layers() {
  const SeccompProgram seccomp = SeccompProgram::compile();
  std::vector<Layer> layers;
  for (const Step& step : kSteps)
    layers.push_back(probe(step, seccomp));
  return layers;
}

}  // namespace hubcell::sandbox
