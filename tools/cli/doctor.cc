#include "tools/cli/doctor.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "tools/cli/json_output.h"
#include "tools/cli/text_output.h"
#include "tools/text/printable.h"
#include "tools/text/style.h"

namespace hubcell::cli {
namespace {

// The layer's own detail says what the machine lacks. These are where a kernel or a container falls short.
struct LayerFix {
  std::string_view name;
  std::string_view fix;
};
constexpr std::array<LayerFix, 5> kLayerFixes{{
    {"user namespace",
     "sysctl user.max_user_namespaces=10000 (and kernel.unprivileged_userns_clone=1 or "
     "kernel.apparmor_restrict_unprivileged_userns=0 where there is one); no chroot; a container that allows "
     "unshare"},
    {"namespaces", "what the user namespace needs"},
    {"mounts", "what the user namespace needs, and Linux 5.12 or later"},
    {"landlock",
     "a kernel from 5.13 on that has landlock in /sys/kernel/security/lsm (boot with lsm=landlock,...)"},
    {"seccomp", "a kernel with CONFIG_SECCOMP_FILTER, and a container profile that lets seccomp(2) through"},
}};

Finding kernel_finding() {
  utsname system{};
  ::uname(&system);
  return {.name = "kernel",
          .detail = std::string(system.sysname) + " " + system.release + " " + system.machine};
}

}  // namespace

Finding finding_of(const Hub::Layer& layer) {
  Finding finding{.name = layer.name, .holds = layer.holds, .needed = layer.needed, .detail = layer.detail};
  for (const LayerFix& row : kLayerFixes) {
    if (!layer.holds && layer.name == row.name) finding.fix = row.fix;
  }
  return finding;
}

std::vector<Finding> examine(Hub& hub) {
  std::vector<Finding> findings{kernel_finding()};
  try {
    const Hub::Diagnosis diagnosis = hub.diagnose();
    findings.push_back(
        {.name = "interpreter", .detail = diagnosis.python_path + " (Python " + diagnosis.python + ")"});
    findings.push_back({.name = "torch", .detail = diagnosis.torch});
    for (const Hub::Layer& layer : diagnosis.layers)
      findings.push_back(finding_of(layer));
  } catch (const Error& error) {  // no interpreter that could look further; the message says what to do
    findings.push_back({.name = "interpreter",
                        .holds = false,
                        .detail = text::one_line(text::printable(error.what())),
                        .fix = {}});
  }
  return findings;
}

std::string to_text(const std::vector<Finding>& findings, const text::Style& style) {
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
