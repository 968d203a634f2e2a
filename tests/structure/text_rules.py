"""Sizes of files, and what no tracked file may name: folders of somebody's machine, hosts of package registries, and, but for
what people read, clocks that somebody sets."""
import os
import re

LINES_MAX = {".h": 200, ".cc": 450, ".py": 450}
# The whole protocol is one list, and is read as one.
LARGER = {"shared/wire/messages.h": 400}

# Parts of names of hosts. This file names no host itself.
REGISTRIES = ["py" + "pi", "python" + "hosted", "npm", "crates", "rubygems", "conda", "maven", "artifactory", "nexus",
              "goproxy", "deb[.]debian", "archive[.]ubuntu", "docker"]
MACHINE_PATH = re.compile(r"(?<![\w.$}~/-])/(?:work|root|home/\w[\w.-]*)/")
# A deadline by one of these comes too early, or never, once somebody has set it.
SETTABLE_CLOCK = re.compile(r"\bsystem_clock\b|\bCLOCK_REALTIME\b|\btime\.time\(\)")
SHOWS_TIMES = {"shared/base/log.cc", "supervisor/control/log_book.cc", "tools/client/serve.cc",
               "tools/client/include/hubcell/serve.h", "tools/cli/shared.cc", "tools/compare/traffic/call_clock.cc"}
REGISTRY_URL = re.compile(r"https?://[^\s/\"']*(?:" + "|".join(REGISTRIES) + ")", re.IGNORECASE)


def check(texts):
    """Complaints about {path: text} of all tracked files that are text."""
    for path, text in texts.items():
        lines = text.splitlines()
        lines_max = LARGER.get(path, LINES_MAX.get(os.path.splitext(path)[1]))
        if lines_max and len(lines) > lines_max:
            yield f"{path}: {len(lines)} lines, and at most {lines_max} are allowed; split it by idea"
        for line_number, line in enumerate(lines, 1):
            if MACHINE_PATH.search(line):
                yield f"{path}:{line_number}: names a folder of somebody's machine: {line.strip()[:80]}"
            is_code = path.startswith(("shared/", "supervisor/", "worker/", "tools/")) and path not in SHOWS_TIMES
            if is_code and SETTABLE_CLOCK.search(line):
                yield f"{path}:{line_number}: a clock that may jump: {line.strip()[:80]}"
            if REGISTRY_URL.search(line):
                yield f"{path}:{line_number}: names the host of a package registry: {line.strip()[:80]}"
