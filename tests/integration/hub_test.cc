// The whole path with a real interpreter: hub repositories in folders, loaded and called from C++.
#include <gtest/gtest.h>
#include <hubcell/hub.h>

#include <algorithm>
#include <csignal>
#include <functional>
#include <thread>

#include "tests/support/error_of.h"
#include "tests/support/process_tree.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_repository.h"

namespace hubcell {
namespace {

using namespace std::chrono_literals;
using tests::error_of;

class HubTest : public testing::Test {
 protected:
  HubTest() {
    tests::write_test_repository(one_, "one");
    tests::write_test_repository(two_, "two");
  }

  static Hub make_hub(std::optional<std::uint64_t> seed = std::nullopt) {
    return Hub({.python = "/usr/bin/python3", .seed = seed});
  }
  std::string one() const { return one_.path(); }
  std::string two() const { return two_.path(); }

  tests::TemporaryFolder one_;
  tests::TemporaryFolder two_;
};

bool says(const Error& error, const std::string& words) {
  if (std::string(error.what()).find(words) != std::string::npos) return true;
  ADD_FAILURE() << "'" << error.what() << "' does not say '" << words << "'";
  return false;
}

TEST_F(HubTest, RepositoriesWithEqualPackageNamesKeepTheirOwnCode) {
  Hub hub = make_hub();
  EXPECT_EQ(hub.load(one(), "whoami").text(), "one");
  EXPECT_EQ(hub.load(two(), "whoami").text(), "two");
  const Object first = hub.load(one(), "net");
  const Object second = hub.load(two(), "net");
  EXPECT_EQ(first.call("lazy").text(), "one") << "an import inside of a method, after the load";
  EXPECT_EQ(second.call("lazy").text(), "two");
  EXPECT_EQ(first.attribute("label").text(), "a one");
}

TEST_F(HubTest, HubsBesideEachOtherShareASupervisorAndNothingElse) {
  Hub first({.python = "/usr/bin/python3", .seed = 1});
  std::optional<Hub> second = first.beside({.python = "/usr/bin/python3", .seed = 2, .threads = 2});
  const Object one_net = first.load(one(), "net");
  const Object other_net = second->load(one(), "net");
  EXPECT_NE(one_net.pid(), other_net.pid()) << "a worker each, although all else is equal";
  EXPECT_EQ(tests::parent_of(static_cast<pid_t>(one_net.pid())),
            tests::parent_of(static_cast<pid_t>(other_net.pid())))
      << "one interpreter was started";
  second->close();
  EXPECT_EQ(one_net.attribute("label").text(), "a one") << "the end of one leaves the other";
  second.reset();
  Hub third = first.beside({.python = "/usr/bin/python3"});
  EXPECT_EQ(third.load(two(), "whoami").text(), "two");
  first = Hub({.python = "/usr/bin/python3"});
  EXPECT_EQ(third.load(one(), "whoami").text(), "one") << "the supervisor ends with the last of them";
}

TEST_F(HubTest, EntrypointsAreListedWithoutHiddenOnesAndHelpShowsDocstrings) {
  Hub hub = make_hub();
  const std::vector<std::string> names = hub.list(one());
  EXPECT_NE(std::ranges::find(names, "net"), names.end());
  EXPECT_EQ(std::ranges::find(names, "_hidden"), names.end());
  EXPECT_EQ(std::ranges::find(names, "not_callable"), names.end());
  EXPECT_NE(hub.help(one(), "net").find("x * scale + bias"), std::string::npos);
  EXPECT_NE(hub.help(one()).find("A hub for tests."), std::string::npos);
}

TEST_F(HubTest, ArgumentsAndKeywordsReachTheEntrypoint) {
  Hub hub = make_hub();
  const Object net = hub.load(one(), "net", {3.0}, {{"bias", 1.0}});
  EXPECT_TRUE(net.is_module());
  const Value answer = net({Tensor::of<float>(DType::Float32, {2}, {1, 2})});
  EXPECT_EQ(answer.tensor().items<float>()[0], 4.0F);
  EXPECT_EQ(answer.tensor().items<float>()[1], 7.0F);
}

TEST_F(HubTest, WhateverAnEntrypointReturnsArrives) {
  Hub hub = make_hub();
  EXPECT_TRUE(hub.load(one(), "nothing").is<None>());
  const Value plain = hub.load(one(), "plain");
  EXPECT_EQ((*plain.find("a"))[2].text(), "text");
  EXPECT_EQ((*plain.find("a"))[3].as<Bytes>().data, "bytes");
  EXPECT_EQ((*plain.find("a"))[6][1][0].integer(), 2);
  const Value pair = hub.load(one(), "pair");
  const Object net = pair[0];
  const Object apply = pair[1][0];
  const Object net_class = pair[1][1];
  EXPECT_EQ(net_class.repr(), "<class 'models.Net'>");
  const Tensor x = Tensor::of<float>(DType::Float32, {1}, {21});
  EXPECT_EQ(apply({net, x}).tensor().items<float>()[0], 42.0F) << "a handle passed back";
  EXPECT_EQ(Object(net_class({5.0, 1.0}))({x}).tensor().items<float>()[0], 106.0F) << "a class called";
}

TEST_F(HubTest, AnArgumentThatTheModelKeepsStaysAsItWas) {
  Hub hub = make_hub();
  const Object net = hub.load(one(), "net");
  net.call("keep", {Tensor::of<float>(DType::Float32, {3}, {1, 2, 3})});
  for (int i = 0; i < 50; ++i)
    net({Tensor::of<float>(DType::Float32, {3}, {9, 9, 9})});
  EXPECT_EQ(net.call("get_kept").tensor().items<float>()[1], 2.0F);
}

TEST_F(HubTest, CallsRunWithoutGradients) {
  Hub hub = make_hub();
  EXPECT_FALSE(Object(hub.load(one(), "net")).call("grad_mode").as<bool>());
}

TEST_F(HubTest, SeedsMakeLoadsEqualAndTheirAbsenceMakesThemDiffer) {
  const auto draw = [&](std::optional<std::uint64_t> seed) {
    Hub hub = make_hub(seed);
    return hub.load(one(), "random_net").tensor().items<float>()[0];
  };
  EXPECT_EQ(draw(7), draw(7));
  EXPECT_NE(draw(7), draw(8));
  EXPECT_NE(draw(std::nullopt), draw(std::nullopt));
}

TEST_F(HubTest, ExceptionsCarryTypeMessageAndTraceback) {
  Hub hub = make_hub();
  const Object net = hub.load(one(), "net");
  const Error error = error_of([&] { net.call("fails"); });
  EXPECT_EQ(error.code(), ErrorCode::Remote);
  EXPECT_TRUE(says(error, "ValueError: bad input: one"));
  ASSERT_TRUE(error.remote().has_value());
  EXPECT_NE(error.remote()->traceback.find("models/__init__.py"), std::string::npos);
  EXPECT_EQ(error_of([&] { hub.load(one(), "fails"); }).remote()->builtin, "KeyError");
  EXPECT_EQ(error_of([&] { net.call("exits_python"); }).remote()->builtin, "SystemExit");
  EXPECT_EQ(net.call("echo", {1})[0].integer(), 1) << "and the worker lives";
}

TEST_F(HubTest, UnknownEntrypointsAndAttributesAreRefused) {
  Hub hub = make_hub();
  EXPECT_TRUE(says(error_of([&] { hub.load(one(), "nett"); }), "Cannot find callable nett in hubconf"));
  const Object net = hub.load(one(), "net");
  EXPECT_TRUE(says(error_of([&] { net.attribute("nothing"); }), "AttributeError"));
}

TEST_F(HubTest, MissingDependenciesAreToldAsTorchHubDoes) {
  tests::TemporaryFolder folder;
  folder.write("hubconf.py", "dependencies = ['nonexistent_package']\ndef f(): pass\n");
  Hub hub = make_hub();
  EXPECT_TRUE(
      says(error_of([&] { hub.load(folder.path(), "f"); }), "Missing dependencies: nonexistent_package"));
}

TEST_F(HubTest, EveryWayToDieIsOneClearErrorAndThenTheModelAnswersAgain) {
  Hub hub = make_hub();
  const Object sibling = hub.load(two(), "net");
  const std::pair<const char*, const char*> deaths[] = {
      {"segfault", "SIGSEGV"}, {"exit", "code 3"}, {"kill", "SIGKILL"}};
  for (const auto& [method, words] : deaths) {
    const Object net = hub.load(one(), "net");
    Future in_flight = sibling.call_async("nap", {0.3});
    const Error error =
        error_of([&] { net.call(method, std::string(method) == "exit" ? Arguments{3} : Arguments{}); });
    EXPECT_EQ(error.code(), ErrorCode::WorkerDied);
    EXPECT_TRUE(says(error, words));
    EXPECT_EQ(in_flight.get().text(), "two") << "a sibling's call is untouched";
    EXPECT_EQ(net.call("echo", {1})[0].integer(), 1);
  }
}

TEST_F(HubTest, DeadlinesInterruptPythonAndKillWhatIsDeaf) {
  Hub hub = make_hub();
  const Object net = hub.load(one(), "net");
  const Error interrupted = error_of([&] { net.call("spin", {}, {}, {.deadline = 200ms}); });
  EXPECT_EQ(interrupted.code(), ErrorCode::DeadlineExceeded);
  EXPECT_TRUE(says(interrupted, "interrupted"));
  EXPECT_EQ(net.call("echo", {1})[0].integer(), 1) << "the worker lives";
  const Error killed = error_of([&] { net.call("stall", {}, {}, {.deadline = 200ms}); });
  EXPECT_TRUE(says(killed, "killed"));
}

TEST_F(HubTest, ACallThatWaitsBehindAnotherMayBeLateWithoutHarmToThatOne) {
  Hub hub = make_hub();
  const Object net = hub.load(one(), "net");
  Future running = net.call_async("nap", {0.6});
  const Error late = error_of([&] { net.call("echo", {1}, {}, {.deadline = 100ms}); });
  EXPECT_EQ(late.code(), ErrorCode::DeadlineExceeded);
  EXPECT_TRUE(says(late, "behind other calls"));
  EXPECT_EQ(running.get().text(), "one");
  EXPECT_EQ(net.call("echo", {2})[0].integer(), 2) << "and what was given up did not run into this one";
}

TEST_F(HubTest, AfterAKillAtTheDeadlineTheNextLoadGetsANewWorker) {
  Hub hub = make_hub();
  for (int i = 0; i < 3; ++i) {
    const Object net = hub.load(one(), "net");
    const Error killed = error_of([&] { net.call("stall", {}, {}, {.deadline = 300ms}); });
    EXPECT_TRUE(says(killed, "killed"));
  }
  EXPECT_EQ(Object(hub.load(one(), "net")).call("echo", {1})[0].integer(), 1);
}

TEST_F(HubTest, HundredsOfHandlesMayBeDroppedAtOnce) {
  Hub hub = make_hub();
  const Object net = hub.load(one(), "net");
  for (int i = 0; i < 3; ++i) {
    const Value handles = net.call("handles", {500});
    EXPECT_EQ(handles.size(), 500U);
  }
  EXPECT_EQ(net.call("echo", {1})[0].integer(), 1);
}

TEST_F(HubTest, AnAnswerIsTakenOnce) {
  Hub hub = make_hub();
  Future answer = Object(hub.load(one(), "net")).call_async("echo", {1});
  answer.get();
  EXPECT_EQ(error_of([&] { answer.get(); }).code(), ErrorCode::Usage);
}

TEST_F(HubTest, AProgramMayIgnoreTheEndOfItsChildren) {
  struct sigaction before {};
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGCHLD, &ignore, &before);
  {
    Hub hub = make_hub();
    EXPECT_EQ(hub.load(one(), "whoami").text(), "one");
  }
  ::sigaction(SIGCHLD, &before, nullptr);
}

TEST_F(HubTest, AFolderThatCannotBeLookedAtIsOneClearError) {
  Hub hub = make_hub();
  EXPECT_TRUE(says(error_of([&] { hub.load("/" + std::string(300, 'x'), "net"); }), "no hubconf.py in"));
}

TEST_F(HubTest, InputsThatTheRepositoryTamperedWithAreRefused) {
  tests::TemporaryFolder folder;
  folder.write("hubconf.py", R"(
import gc, types
gc.unfreeze()  # what the interpreter had is out of sight else
def nothing(*arguments): return ()
for function in gc.get_objects():
    if isinstance(function, types.FunctionType) and function.__name__ == "make_inputs":
        function.__code__ = nothing.__code__
)");
  Hub hub = make_hub();
  hub.list(folder.path());
  EXPECT_EQ(error_of([&] { hub.make_inputs(folder.path(), {{"rand:3"}}); }).code(), ErrorCode::Protocol);
}

TEST_F(HubTest, AReleasedObjectIsGoneInTheWorker) {
  Hub hub = make_hub();
  const Object net = hub.load(one(), "net");
  for (int i = 0; i < 200; ++i)
    hub.load(one(), "net");
  EXPECT_EQ(net.call("echo", {1})[0].integer(), 1);
  EXPECT_LT(hub.load(one(), "count_alive").integer(), 10) << "of 201 that were loaded";
}

TEST_F(HubTest, InputsAreMadeByTorchAfterTheirSeed) {
  Hub hub = make_hub();
  const std::vector<InputSpec> specs{{"rand:1x3"}, {"arange:4"}};
  const std::vector<Value> first = hub.make_inputs(one(), specs, 1);
  const std::vector<Value> second = hub.make_inputs(one(), specs, 1);
  EXPECT_EQ(first[0].tensor().shape(), (std::vector<std::int64_t>{1, 3}));
  EXPECT_EQ(first[0].tensor().items<float>()[2], second[0].tensor().items<float>()[2]);
  EXPECT_EQ(first[1].tensor().items<std::int64_t>()[3], 3);
  EXPECT_TRUE(says(error_of([&] { hub.make_inputs(one(), {{"rand:1xtwo"}}); }), "rand:1xtwo"));
}

TEST_F(HubTest, AWorkerCannotReadTheHomeOfItsUserNorStartPrograms) {
  tests::TemporaryFolder secret;
  const std::string path = secret.write("secret.txt", "secret");
  tests::TemporaryFolder folder;
  folder.write("hubconf.py", R"(
import os, subprocess, socket
def read(path): return open(path).read()
def run(): return subprocess.run(["/bin/true"]).returncode
def connect(): socket.create_connection(("127.0.0.1", 9))
def scratch():
    open("file.txt", "w").write("mine")
    return open(os.path.join(os.environ["HOME"], "file.txt")).read()
def write_checkout(): open(os.path.join(os.path.dirname(__file__), "x"), "w")
)");
  Hub hub = make_hub();
  // Where namespaces can be had, a file is not even there, and the checkout's file system is read-only.
  const std::string unread = error_of([&] { hub.load(folder.path(), "read", {path}); }).remote()->builtin;
  EXPECT_TRUE(unread == "PermissionError" || unread == "FileNotFoundError") << unread;
  EXPECT_EQ(error_of([&] { hub.load(folder.path(), "run"); }).remote()->builtin, "PermissionError");
  EXPECT_EQ(error_of([&] { hub.load(folder.path(), "connect"); }).remote()->builtin, "PermissionError");
  const std::string unwritten =
      error_of([&] { hub.load(folder.path(), "write_checkout"); }).remote()->builtin;
  EXPECT_TRUE(unwritten == "PermissionError" || unwritten == "OSError") << unwritten;
  EXPECT_EQ(hub.load(folder.path(), "scratch").text(), "mine");
}

}  // namespace
}  // namespace hubcell
