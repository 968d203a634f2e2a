"""Who may include whom, and where third-party headers may appear: ARCHITECTURE.md as two tables."""
import re

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')

# Folder -> folders that it may include beside itself; the longest match counts. Headers under a module's
# include/hubcell/ belong to the module.
MAY_INCLUDE = {
    "shared/base": [],
    "shared/posix": ["shared/base"],
    "shared/wire": ["shared/base", "shared/posix"],
    "shared/value": ["shared/base", "shared/posix", "shared/wire"],
    "shared/channel": ["shared/base", "shared/posix", "shared/wire", "shared/value"],
    "shared/weights": ["shared/base", "shared/posix", "shared/wire"],
    "shared/python": ["shared/base", "shared/wire", "shared/value"],
    "supervisor": ["shared/base", "shared/posix", "shared/wire", "shared/value", "shared/channel", "shared/weights"],
    "worker": ["shared"],
    "tools/client": ["shared"],
    # The package speaks Python on the client's side.
    "tools/python": ["tools/client", "tools/compare", "shared/base", "shared/value", "shared/python"],
    # A tool is a user of the client. HUBCELL_CHECK is for everyone.
    "tools": ["tools/client", "tools/text", "shared/base/check.h"],
    # It keeps files of calls.
    "tools/compare/numbers": ["tools/client", "tools/text", "tools/compare/include", "shared/base/check.h"],
    "tools/compare/report": ["tools/client", "tools/text", "tools/compare/include", "tools/compare/numbers", "shared/base/check.h"],
    "tools/compare/search": ["tools/client", "tools/text", "tools/compare/include", "tools/compare/numbers", "tools/compare/report",
                             "shared/base/check.h"],
    "tools/compare/traffic": ["tools/client", "tools/text", "tools/compare/include", "tools/compare/numbers", "shared/base/check.h",
                              "shared/posix"],
    "tools/compare": ["tools/client", "tools/text", "shared/base/check.h"],
    "tools/cli": ["tools/client", "tools/text", "tools/compare", "shared/base/check.h"],
    "tests": ["shared", "supervisor", "worker", "tools"],
}

# Header -> where it may be included; in tests anywhere.
THIRD_PARTY = [
    (r"git2(\.h|/)", ["supervisor/fetch"]),
    (r"curl/", ["supervisor/fetch"]),
    (r"libssh2\.h", ["supervisor/fetch"]),
    (r"archive(_entry)?\.h", ["supervisor/fetch"]),
    (r"cereal/", ["shared/wire"]),
    (r"boost/interprocess/", ["shared/posix", "shared/channel", "supervisor/fetch"]),
    (r"boost/math/", ["tools/compare/numbers"]),
    (r"boost/asio", ["supervisor/process", "supervisor/control", "supervisor/main.cc"]),
    (r"(linux/)?seccomp\.h", ["worker/sandbox", "supervisor/fetch/refused_calls.cc", "tools/benchmarks/call/without_sandbox.cc"]),
    (r"Python\.h", ["shared/python/python.h"]),
    (r"png\.h", ["tools/compare/report"]),
    (r"xxhash\.h", ["supervisor/weights", "tools/compare/traffic"]),
    (r"spdlog/", ["shared/base/log.cc"]),
    (r"(torch|ATen|c10)/", ["tools/client/include/hubcell/torch.h", "tools/client/torch", "tools/examples"]),
    (r"hubcell/torch\.h", ["tools/client/torch", "tools/examples"]),
    (r"CLI/", ["tools/cli"]),
    (r"valgrind/", ["tools/benchmarks"]),
    (r"(gtest|gmock)/", []),
]


def is_within(path, place):
    return path == place or path.startswith(place + "/")


def module_of(path):
    """The row of MAY_INCLUDE that rules a path, or None."""
    rows = [row for row in MAY_INCLUDE if is_within(path, row)]
    return max(rows, key=len, default=None)


def home_of(path):
    """The folder of a file whose siblings it may include freely: tools/cli is not tools/examples."""
    module = module_of(path)
    return "/".join(path.split("/")[:2]) if module == "tools" else module


def public_headers(paths):
    """Maps 'hubcell/error.h' to 'shared/base/include/hubcell/error.h'."""
    return {path.split("/include/", 1)[1]: path for path in paths if "/include/hubcell/" in path}


def check_direction(path, line_number, quoted, angled, known, public):
    target = quoted or public.get(angled)
    if target is None:
        if angled and angled.startswith("hubcell/"):
            yield f"{path}:{line_number}: <{angled}> is no public header of any module"
        return
    if quoted and quoted not in known:
        yield f'{path}:{line_number}: "{quoted}" is not a file; includes start at the repository root'
        return
    module, home = module_of(path), home_of(path)
    if module is None:
        yield f"{path}:{line_number}: lies in no folder of ARCHITECTURE.md"
        return
    # <hubcell/...> is for users of the client: of a tool, all of it.
    if angled and is_within(module, "tools") and module != "tools/client":
        return
    if is_within(target, home) or any(is_within(target, allowed) for allowed in MAY_INCLUDE[module]):
        return
    yield f"{path}:{line_number}: {home} may not include {target}"


def check_third_party(path, line_number, header):
    for pattern, places in THIRD_PARTY:
        if not re.match(pattern, header) or is_within(path, "tests"):
            continue
        if not any(is_within(path, place) for place in places):
            where = ", ".join(places) or "tests"
            yield f"{path}:{line_number}: <{header}> may be included in {where} only"


def check(sources):
    """Complaints about the includes of {path: text}."""
    public = public_headers(sources)
    for path, text in sources.items():
        for line_number, line in enumerate(text.splitlines(), 1):
            found = INCLUDE.match(line)
            if not found:
                continue
            quoted, angled = found.groups()
            yield from check_direction(path, line_number, quoted, angled, sources, public)
            yield from check_third_party(path, line_number, quoted or angled)
