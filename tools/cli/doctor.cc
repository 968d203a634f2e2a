#include "tools/cli/doctor.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "tools/cli/json_output.h"
#include "tools/cli/text_output.h"

namespace hubcell::cli {
namespace {

constexpr std::string_view kInterpreterFix =
    "install torch for it (Debian: apt install python3-torch), or name another one with --python or "
    "HUBCELL_PYTHON";

struct LayerFix {
  std::string_view word;  // in the layer's name
  bool needed;
  std::string_view fix;
};
// The first row that fits counts.
constexpr std::array<LayerFix, 6> kLayerFixes{{
    {"landlock", true,
     "a kernel from 5.13 on that has landlock in /sys/kernel/security/lsm (boot with lsm=landlock,...)"},
    {"seccomp", true,
     "a kernel with CONFIG_SECCOMP_FILTER, and a container profile that lets seccomp(2) through"},
    {"cgroup", false, "delegate a cgroup v2 subtree: systemd-run --user --scope -p Delegate=yes"},
    {"namespace", false,
     "allow user namespaces: sysctl kernel.unprivileged_userns_clone=1 "
     "kernel.apparmor_restrict_unprivileged_userns=0"},
    {"mount", false, "allow user namespaces, and mount(2) in them"},
    {"user", false, "allow user namespaces: sysctl kernel.unprivileged_userns_clone=1"},
}};

Finding kernel_finding() {
  utsname system{};
  ::uname(&system);
  return {.name = "kernel",
          .detail = std::string(system.sysname) + " " + system.release + " " + system.machine};
}

Finding interpreter_finding(const Hub::Diagnosis& diagnosis) {
  const bool holds = !diagnosis.python.empty();
  return {.name = "interpreter",
          .holds = holds,
          .detail = holds ? diagnosis.python_path + " (Python " + diagnosis.python + ")" : "none found",
          .fix = holds ? "" : std::string(kInterpreterFix)};
}

Finding torch_finding(const Hub::Diagnosis& diagnosis) {
  const bool holds = !diagnosis.torch.empty();
  return {.name = "torch",
          .holds = holds,
          .detail = holds ? diagnosis.torch : "not installed",
          .fix = holds ? "" : std::string(kInterpreterFix)};
}

}  // namespace

Finding finding_of(const Hub::Layer& layer) {
  Finding finding{.name = layer.name, .holds = layer.holds, .needed = false, .detail = layer.detail};
  for (const LayerFix& row : kLayerFixes) {
    if (layer.name.find(row.word) == std::string::npos) continue;
    finding.needed = row.needed;
    if (!layer.holds) finding.fix = row.fix;
    break;
  }
  return finding;
}

std::vector<Finding> examine(Hub& hub) {
  std::vector<Finding> findings{kernel_finding()};
  try {
    const Hub::Diagnosis diagnosis = hub.diagnose();
    findings.push_back(interpreter_finding(diagnosis));
    findings.push_back(torch_finding(diagnosis));
    for (const Hub::Layer& layer : diagnosis.layers)
      findings.push_back(finding_of(layer));
  } catch (const Error& error) {  // no interpreter that could look further
    findings.push_back({.name = "interpreter",
                        .holds = false,
                        .detail = one_line(printable(error.what())),
                        .fix = std::string(kInterpreterFix)});
  }
  return findings;
}

std::string to_text(const std::vector<Finding>& findings, const Style& style) {
  std::size_t width = 0;
  for (const Finding& finding : findings)
    width = std::max(width, finding.name.size());
  std::string text;
  for (const Finding& finding : findings) {
    text += finding.holds ? style.good("✓") : finding.needed ? style.bad("✗") : style.faint("–");
    text +=
        " " + style.strong(finding.name) + std::string(width - finding.name.size() + 2, ' ') + finding.detail;
    if (!finding.fix.empty()) text += "  " + style.faint("→ " + finding.fix);
    text += "\n";
  }
  return text;
}

std::string to_json_text(const std::vector<Finding>& findings) {
  Json json = Json::array();
  for (const Finding& finding : findings) {
    json.push_back({{"name", finding.name},
                    {"holds", finding.holds},
                    {"needed", finding.needed},
                    {"detail", finding.detail},
                    {"fix", finding.fix}});
  }
  return dump(json) + "\n";
}

bool can_run(const std::vector<Finding>& findings) {
  return std::all_of(findings.begin(), findings.end(),
                     [](const Finding& finding) { return finding.holds || !finding.needed; });
}

}  // namespace hubcell::cli
