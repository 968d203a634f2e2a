"""Feeds the checks with snippets: each bad one must be refused, each good one let through."""
import co_await
import includes
import text_rules

TREE = {path: "" for path in [
    "shared/base/check.h", "shared/base/include/hubcell/error.h", "shared/posix/memory.h", "shared/wire/codec.h",
    "shared/value/include/hubcell/value.h", "shared/channel/layout.h", "shared/python/python.h",
    "supervisor/process/loop.h", "supervisor/fetch/git.h", "worker/verbs.h", "tools/client/session.h",
    "tools/client/include/hubcell/hub.h", "tools/client/include/hubcell/torch.h", "tools/cli/run.h", "tools/examples/drawing.h",
    "tools/benchmarks/rounds.h",
    "tests/support/temporary_folder.h",
]}

# (file, line, whether it is allowed)
INCLUDES = [
    ("shared/wire/x.h", '#include "shared/posix/memory.h"', True),
    ("shared/wire/x.h", '#include "shared/value/value_codec.h"', False),  # no such file
    ("shared/posix/x.h", '#include "shared/wire/codec.h"', False),
    ("shared/base/x.h", '#include "shared/posix/memory.h"', False),
    ("shared/posix/x.cc", '#include <hubcell/error.h>', True),
    ("shared/posix/x.cc", '#include <hubcell/value.h>', False),
    ("shared/value/x.cc", '#include "shared/channel/layout.h"', False),
    ("shared/python/x.cc", '#include <hubcell/value.h>', True),
    ("shared/python/x.cc", '#include "shared/channel/layout.h"', False),
    ("shared/channel/x.cc", '#include "supervisor/process/loop.h"', False),
    ("shared/channel/x.cc", '#include <hubcell/hub.h>', False),
    ("supervisor/control/x.cc", '#include "supervisor/process/loop.h"', True),
    ("supervisor/control/x.cc", '#include "worker/verbs.h"', False),
    ("supervisor/control/x.cc", '#include "shared/python/python.h"', False),
    ("worker/x.cc", '#include "shared/python/python.h"', True),
    ("worker/x.cc", '#include "supervisor/process/loop.h"', False),
    ("worker/x.cc", '#include "tools/client/session.h"', False),
    ("tools/client/x.cc", '#include "shared/channel/layout.h"', True),
    ("tools/client/x.cc", '#include "tools/cli/run.h"', False),
    ("tools/cli/x.cc", '#include <hubcell/hub.h>', True),
    ("tools/cli/x.cc", '#include "tools/cli/run.h"', True),
    ("tools/cli/x.cc", '#include "tools/examples/drawing.h"', False),
    ("tools/benchmarks/call/x.cc", '#include "tools/benchmarks/rounds.h"', True),
    ("tools/benchmarks/call/x.cc", '#include <hubcell/hub.h>', True),
    ("tools/benchmarks/call/x.cc", '#include "tools/client/session.h"', True),
    ("tools/benchmarks/call/x.cc", '#include "tools/cli/run.h"', False),
    ("tools/benchmarks/call/x.cc", '#include "worker/verbs.h"', False),
    ("tools/cli/x.cc", '#include "shared/wire/codec.h"', False),
    ("tools/cli/x.cc", '#include "run.h"', False),
    ("tools/cli/x.cc", '#include <hubcell/nothing.h>', False),
    ("tests/unit/x.cc", '#include "worker/verbs.h"', True),
    ("shared/base/x.h", '#include "tests/support/temporary_folder.h"', False),
    ("elsewhere/x.h", '#include "shared/base/check.h"', False),
    ("supervisor/fetch/x.cc", "#include <git2.h>", True),
    ("supervisor/source/x.cc", "#include <git2.h>", False),
    ("supervisor/fetch/x.cc", "#include <libssh2.h>", True),
    ("supervisor/control/x.cc", "#include <libssh2.h>", False),
    ("shared/wire/x.h", "#include <cereal/cereal.hpp>", True),
    ("shared/value/x.h", "#  include <cereal/cereal.hpp>", False),
    ("shared/posix/x.h", "#include <boost/interprocess/mapped_region.hpp>", True),
    ("supervisor/source/x.cc", "#include <boost/interprocess/sync/file_lock.hpp>", False),
    ("supervisor/main.cc", "#include <boost/asio/co_spawn.hpp>", True),
    ("supervisor/source/x.cc", "#include <boost/asio.hpp>", False),
    ("worker/sandbox/x.cc", "#include <seccomp.h>", True),
    ("worker/x.cc", "#include <seccomp.h>", False),
    ("shared/python/python.h", "#include <Python.h>", True),
    ("worker/x.cc", "#include <Python.h>", False),
    ("shared/base/log.cc", "#include <spdlog/spdlog.h>", True),
    ("supervisor/main.cc", "#include <spdlog/spdlog.h>", False),
    ("tools/examples/x.cc", "#include <hubcell/torch.h>", True),
    ("tools/cli/x.cc", "#include <hubcell/torch.h>", False),
    ("worker/x.cc", "#include <ATen/ATen.h>", False),
    ("tools/benchmarks/call/x.cc", "#include <valgrind/callgrind.h>", True),
    ("worker/x.cc", "#include <valgrind/callgrind.h>", False),
    ("shared/base/x.cc", "#include <gtest/gtest.h>", False),
    ("tests/unit/x.cc", "#include <gtest/gtest.h>", True),
]

CO_AWAIT = [
    ("void f() { co_await spawn({.checkout = path}); }", False),
    ("void f() { co_await spawn(Options{}); }", False),
    ("void f() { const Options options{co_await path()}; }", False),
    ("Task<int> f() { co_return co_await spawn(\n  {.a = 1},\n  2); }", False),
    ("void f() { if (co_await wait(Deadline{1})) { g(); } }", False),
    ("void f() { for (int i = 0; i < 3; ++i) co_await g(i); h({1}); for (int i{0}; co_await g(); ++i) h({i}); }", True),
    ("void f() { if (x) co_await g({1}); }", False),
    ("void f() { do co_await g({1}); while (x); }", False),
    ("void f() { for (int i = 0; i < co_await count({i}); ++i) {} }", False),
    ("void f() { co_await wait([&] { return done; }); }", False),
    ("void f() { co_await wait([this](int x) -> bool { return x == limit_; }); }", False),
    ("void f() { spawn([&]() -> Task<void> { co_await wait(Deadline{1}); }, detached); }", False),
    ("class A { public: struct B { int c; }; Task<void> f() { co_await g(B{1}); } };", False),
    ("void f() { const Options options{.checkout = path}; co_await spawn(options); }", True),
    ("void f() { spawn([&]() -> Task<void> { co_await wait(); }, detached); }", True),
    ("void f() { co_await wait([](int x) { return x > 0; }); }", True),
    ("void f() { if (!co_await wait()) { g(Options{1}); } else { co_await h(); } }", True),
    ("void f() { if (co_await ready()) g({1}); else if (x) co_await h(); else g({2}); }", True),
    ("void f() { while (auto frame = co_await read()) { use({frame}); } }", True),
    ("void f() { for (const auto& [name, value] : co_await list()) g({name, value}); }", True),
    ("void f() { const auto& [a, b] = co_await pair(); int c[2] = {1, 2}; }", True),
    ("void f() { switch (x) { case A: co_await g(); break; default: h({1}); } }", True),
    ("class A { public: struct B { Task<void> f() { co_await g(); } }; B b{1}; };", True),
    ("// co_await f({1});\nconst char* text = \"co_await f({1})\"; auto raw = R\"(co_await f({)\";", True),
    ("#define AWAIT(x) co_await f({x})\nA::A(int x) : x_{x} { co_spawn(run()); }", True),
    ("Task<int> A::f() && { co_await g(); const long n = 10'000; h({'{'}); }", True),
]

HOME, WORK = "/ho" + "me/", "/wo" + "rk/"
TEXTS = [
    ("supervisor/x.cc", "const auto end = std::chrono::system_clock::now() + deadline;", False),
    ("supervisor/x.cc", "const auto end = std::chrono::steady_clock::now() + deadline;", True),
    ("a.h", "x\n" * 200, True),
    ("a.h", "x\n" * 201, False),
    ("a.cc", "x\n" * 450, True),
    ("a.cc", "x\n" * 451, False),
    ("data.json", "x\n" * 1000, True),
    ("a.cc", f'open("{HOME}somebody/file");', False),
    ("tools/run", f"cd {WORK}main", False),
    ("a.md", "see /ro" + "ot/notes", False),
    ("a.md", f"the folders of your {HOME[:-1]} and homework{WORK}x", True),
    ("a.cc", f"$HOME{WORK}x and ${{TMPDIR}}{WORK}x", True),
    ("a.txt", "pip install -i https://my." + "py" + "pi.example/simple x", False),
    ("a.txt", "https://github.com/acme/resnet", True),
]


def run():
    wrong = []
    for path, line, allowed in INCLUDES:
        complaints = list(includes.check({**TREE, path: line}))
        wrong += [(path, line, complaints)] if bool(complaints) == allowed else []
    for snippet, allowed in CO_AWAIT:
        complaints = co_await.check_text(snippet)
        wrong += [("co_await", snippet, complaints)] if bool(complaints) == allowed else []
    for path, text, allowed in TEXTS:
        complaints = list(text_rules.check({path: text}))
        wrong += [(path, text[:60], complaints)] if bool(complaints) == allowed else []
    for place, snippet, complaints in wrong:
        print(f"{place}: {snippet!r}: " + (f"refused: {complaints}" if complaints else "not refused"))
    print(f"{len(INCLUDES) + len(CO_AWAIT) + len(TEXTS)} snippets, {len(wrong)} judged wrongly")
    return 1 if wrong else 0
