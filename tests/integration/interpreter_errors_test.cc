// Interpreters that cannot serve, real ones and made up: each is one line that says which, why, and what to do.
#include <gtest/gtest.h>
#include <hubcell/hub.h>

#include "tests/support/error_of.h"
#include "tests/support/interpreters.h"
#include "tests/support/temporary_folder.h"

namespace hubcell {
namespace {

namespace fs = std::filesystem;

class InterpreterErrorsTest : public testing::Test {
 protected:
  std::string make_program(const std::string& name, const std::string& text) const {
    const fs::path path = folder_.write(name, text);
    fs::permissions(path, fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec |
                              fs::perms::others_read | fs::perms::others_exec);
    return path;
  }

  // Debian's Python, which thinks it is another: `lie` runs before anything of ours.
  std::string make_disguised(const std::string& name, const std::string& lie) const {
    return make_program(name, std::string("#!/bin/sh\nexec ") + tests::kDebianPython +
                                  " -c 'import runpy, sys\nsys.argv = sys.argv[1:]\n" + lie +
                                  "\nrunpy.run_path(sys.argv[0], run_name=\"__main__\")' \"$@\"\n");
  }

  // A virtual environment whose torch is this __init__.py.
  std::string make_environment(const std::string& name, const std::string& torch) const {
    const tests::VirtualEnvironment environment(folder_.path() / name, false);
    environment.write("torch/__init__.py", torch);
    return environment.python();
  }

  static std::string line_of(const std::string& python) {
    Hub hub({.python = python});
    const Error error = tests::error_of([&] { hub.diagnose(); });
    EXPECT_EQ(error.code(), ErrorCode::Usage) << python;
    return error.what();
  }

  static void expect_line(const std::string& python, const std::string& words) {
    const std::string line = line_of(python);
    EXPECT_NE(line.find(words), std::string::npos) << line << "\ndoes not say: " << words;
    EXPECT_TRUE(line.starts_with("start the interpreter " + python)) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
    const bool tells_what_to_do =
        line.find("give ") != std::string::npos || line.find("with --python") != std::string::npos;
    EXPECT_TRUE(tells_what_to_do) << line;
  }

  tests::TemporaryFolder folder_;
};

TEST_F(InterpreterErrorsTest, WhatIsNoProgramIsSaidToBeNone) {
  expect_line("/no/such/python", "there is no such program");
  expect_line("no-such-python", "there is no such program in PATH");
  expect_line(folder_.path(), "it is a folder");
  expect_line(folder_.write("plain", "text"), "it is not executable");
  const tests::VirtualEnvironment environment(folder_.path() / "venv", false);
  expect_line(environment.folder(), "it is a folder; give " + environment.python());
}

TEST_F(InterpreterErrorsTest, WhatTheSystemCannotRunIsToldInItsWords) {
  expect_line(make_program("script", "#!/no/such/interpreter\n"), "No such file or directory");
  expect_line(make_program("garbage", "garbage"), "Exec format error");
}

TEST_F(InterpreterErrorsTest, AProgramThatIsNoPythonIsToldByHowItEndsAndWhatItPrints) {
  expect_line("/bin/true", "it exited with code 0 before it ran our code");
  expect_line(make_program("prints", "#!/bin/sh\necho; echo 'not today: no licence'; echo more; exit 4\n"),
              "it exited with code 4 before it ran our code; it printed: not today: no licence;");
  expect_line(make_program("crashes", "#!/bin/sh\nkill -SEGV $$\n"), "it was killed by SIGSEGV");
}

TEST_F(InterpreterErrorsTest, WhoeverIsKilledFromOutsideMayBeTriedAgain) {
  Hub hub({.python = make_program("killed", "#!/bin/sh\nkill -9 $$\n")});
  const Error error = tests::error_of([&] { hub.diagnose(); });
  EXPECT_EQ(error.code(), ErrorCode::System);
  const std::string line = error.what();
  EXPECT_TRUE(line.starts_with("start the interpreter ")) << line;
  EXPECT_TRUE(
      line.ends_with("it was killed by SIGKILL (Killed) while it started: by somebody, or because the "
                     "machine has no memory left; try again"))
      << line;
}

TEST_F(InterpreterErrorsTest, AProgramThatHangsIsGivenUp) {
  expect_line(make_program("hangs", "#!/bin/sh\necho waiting\nexec sleep 1000\n"),
              "it did not start as a Python within 20 s; it printed: waiting;");
}

TEST_F(InterpreterErrorsTest, APythonThatCannotLoadTheExtensionSaysWhyBeforeItTries) {
  expect_line(make_disguised("old", "sys.version_info = (3, 8, 18, \"final\", 0)"),
              "it is Python 3.8.18, and workers need CPython 3.9 or later");
  expect_line(make_disguised("pypy", "sys.implementation.name = \"pypy\""), "it is pypy (Python 3.");
  expect_line(make_disguised("free", "sys.abiflags = \"t\""), "it is a free-threaded build of Python 3.");
  expect_line(make_disguised("broken", "sys.argv[1] = \"/no/such/extension\""),
              "it cannot load hubcell's extension (");
}

TEST_F(InterpreterErrorsTest, OldPythonsOfThisMachineAreToldByTheirVersion) {
  std::size_t tried = 0;
  for (const tests::Interpreter& interpreter : tests::find_interpreters()) {
    if (interpreter.is_supported()) continue;
    const std::string version =
        std::to_string(interpreter.major) + "." + std::to_string(interpreter.minor) + ".";
    expect_line(interpreter.path, "it is Python " + version);
    ++tried;
  }
  if (tried == 0) GTEST_SKIP() << "no Python older than 3.9: HUBCELL_TEST_PYTHONS=PATH:PATH names some";
}

TEST_F(InterpreterErrorsTest, AMissingTorchIsToldApartFromABrokenOne) {
  const tests::VirtualEnvironment empty(folder_.path() / "empty", false);
  expect_line(empty.python(), "it cannot import torch (No module named 'torch'); install torch there");
  expect_line(make_environment("raises", "raise RuntimeError('no\\nCUDA  today')"),
              "it cannot import torch (RuntimeError: no CUDA today); repair torch there");
  expect_line(make_environment("exits", "raise SystemExit(3)"), "it cannot import torch (SystemExit: 3)");
  expect_line(make_environment("needs", "import package_that_is_missing"),
              "it cannot import torch (No module named 'package_that_is_missing'); repair torch there");
  expect_line(make_environment("dies", "import os, sys\nprint('bad libcuda', flush=True)\nos.abort()"),
              "it was killed by SIGABRT (Aborted) while it imported torch; it printed: bad libcuda;");
}

TEST_F(InterpreterErrorsTest, AnOldTorchIsToldByItsVersion) {
  expect_line(make_environment("old", "__version__ = '1.12.1+cu113'"),
              "it has torch 1.12.1+cu113, and workers need 1.13 or later; install that there");
  expect_line(make_environment("other", ""), "its torch is not PyTorch");
}

TEST_F(InterpreterErrorsTest, ThreadsThatTorchOrTheEnvironmentStartAreNamed) {
  const std::string start = R"(
import sys, threading
def start(): threading.Thread(target=threading.Event().wait, name="statistics", daemon=True).start()
)";
  const tests::VirtualEnvironment environment(folder_.path() / "venv", true);
  environment.write("hook.pth", "import hook_of_this_test\n");
  environment.write("hook_of_this_test.py", start + "start()\n");
  expect_line(environment.python(), "it runs 1 more thread before torch is imported");
  expect_line(environment.python(), ": 'statistics'; workers are forked from one thread");
  environment.write("hook_of_this_test.py", start + R"(
class StartWithTorch:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "torch.hub": start()
sys.meta_path.insert(0, StartWithTorch)
)");
  expect_line(environment.python(), "it runs 1 more thread after torch is imported");
  expect_line(environment.python(), ": 'statistics'; workers are forked from one thread");
}

TEST_F(InterpreterErrorsTest, AnInterpreterThatIsRepairedServesTheSameHub) {
  const tests::VirtualEnvironment environment(folder_.path() / "venv", true);
  const fs::path broken = environment.write("torch.py", "raise RuntimeError('half installed')");
  Hub hub({.python = environment.python()});
  EXPECT_EQ(tests::error_of([&] { hub.diagnose(); }).code(), ErrorCode::Usage);
  fs::remove(broken);
  EXPECT_FALSE(hub.diagnose().torch.empty());
}

}  // namespace
}  // namespace hubcell
