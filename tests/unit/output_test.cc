// How a worker's output becomes lines, and how they reach a reader that is fast, slow or gone.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "shared/posix/process.h"
#include "shared/wire/limits.h"
#include "supervisor/process/line_sink.h"
#include "supervisor/process/line_splitter.h"
#include "supervisor/process/rate_budget.h"

namespace hubcell::process {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

class Splitter : public testing::Test {
 protected:
  // The lines of `parts`, read one after the other at one time.
  Lines split(const std::vector<std::string>& parts) {
    for (const std::string& part : parts)
      splitter_.feed(part, now_);
    splitter_.finish();
    return std::exchange(lines_, {});
  }

  Lines lines_;
  LineSplitter splitter_{40, [this](std::string line) { lines_.push_back(std::move(line)); }};
  LineSplitter::Time now_{1h};
};

TEST_F(Splitter, LinesComeOutAsTheyAreHoweverTheyAreCutByReads) {
  EXPECT_EQ(split({"one\ntwo\n"}), (Lines{"one", "two"}));
  EXPECT_EQ(split({"on", "e", "\n\nthr", "ee\n"}), (Lines{"one", "", "three"}));
  EXPECT_EQ(split({"dos\r\nand", "\r", "\n"}), (Lines{"dos", "and"}));
}

TEST_F(Splitter, ALineThatWasBegunEndsWithTheStream) {
  splitter_.feed("unfinished", now_);
  EXPECT_TRUE(lines_.empty());
  splitter_.finish();
  EXPECT_EQ(lines_, (Lines{"unfinished"}));
}

TEST_F(Splitter, ALongLineIsCutWithAMarkThatCountsTheRest) {
  EXPECT_EQ(split({std::string(40, 'x') + "\nnext\n"}), (Lines{std::string(40, 'x'), "next"}));
  EXPECT_EQ(split({std::string(30, 'x'), std::string(1'000'010, 'y'), "\nnext\n"}),
            (Lines{std::string(30, 'x') + std::string(10, 'y') + " ... (1000000 more bytes of this line)",
                   "next"}));
}

TEST_F(Splitter, ACutDoesNotHalveACharacter) {
  EXPECT_EQ(split({std::string(39, 'x') + "äö\n"}),
            (Lines{std::string(39, 'x') + " ... (4 more bytes of this line)"}));
}

TEST_F(Splitter, WhatATerminalWouldObeyIsReplacedAndColoursAreLeftOut) {
  EXPECT_EQ(split({"\x1b[1;31mred\x1b[0m and \x1b[Aup\n"}), (Lines{"red and up"}));
  EXPECT_EQ(split({"\x1b]0;title\a\b\x7f tab\tstays \xc2\x9b\n\x1b[\n"}),
            (Lines{"?]0;title??? tab\tstays ?", "?["}));
  EXPECT_EQ(split({"\x1b[3", "1mred in two reads\n"}), (Lines{"red in two reads"}));
}

TEST_F(Splitter, AProgressBarIsShownNowAndThenAndAtItsEnd) {
  splitter_.feed("\r  0%", now_);
  for (int percent = 1; percent < 100; ++percent)
    splitter_.feed("\r " + std::to_string(percent) + "%", now_ += 20ms);
  splitter_.feed("\r100%\nafter\n", now_);
  EXPECT_EQ(lines_, (Lines{"  0%", " 50%", "100%", "after"}));
}

TEST_F(Splitter, AProgressBarThatWipesItselfLeavesNoEmptyLine) {
  EXPECT_EQ(split({"\r50%", "\r   ", "\r", "after\n"}), (Lines{"50%", "after"}));
}

TEST(RateBudget, WhatIsSpentAboveItIsWaitedForAndNoMore) {
  RateBudget budget(1000, 500);
  RateBudget::Time now{1h};
  EXPECT_EQ(budget.wait(now), 0ms);
  budget.spend(499);
  EXPECT_EQ(budget.wait(now), 0ms);
  budget.spend(2001);
  EXPECT_EQ(budget.wait(now), 2001ms);
  EXPECT_EQ(budget.wait(now + 2001ms), 0ms);
  EXPECT_EQ(budget.wait(now + 1h), 0ms);
  budget.spend(501);
  EXPECT_EQ(budget.wait(now + 1h), 2ms) << "an hour of silence saves up no more than the bound";
}

// A pipe or a socket whose one end a sink writes to.
class Sink : public testing::Test {
 protected:
  Sink() { std::signal(SIGPIPE, SIG_IGN); }

  // Writes until there is no room; what was taken.
  static std::string fill(LineSink& sink) {
    std::string taken;
    for (int number = 0; number < 1'000'000; ++number) {
      const std::string line = "line " + std::to_string(number) + std::string(1000, '.') + "\n";
      const LineSink::Result result = sink.write(line);
      if (result == LineSink::Result::NoRoom) return taken;
      EXPECT_EQ(result, LineSink::Result::Written);
      taken += line;
    }
    ADD_FAILURE() << "it always had room";
    return taken;
  }

  static std::string read(int descriptor, std::size_t bytes) {
    std::string text(bytes, '\0');
    std::size_t done = 0;
    while (done < bytes) {
      const ssize_t count = ::read(descriptor, text.data() + done, bytes - done);
      if (count <= 0) break;
      done += static_cast<std::size_t>(count);
    }
    text.resize(done);
    return text;
  }
};

TEST_F(Sink, AFullPipeIsToldAndWhatItTookIsWhole) {
  auto [read_end, write_end] = posix::make_pipe();
  LineSink sink(write_end.get());
  EXPECT_TRUE(sink.has_room());
  const std::string taken = fill(sink);
  EXPECT_FALSE(sink.has_room());
  EXPECT_EQ(sink.write(std::string(4000, 'x') + "\n"), LineSink::Result::NoRoom);
  EXPECT_EQ(read(read_end.get(), taken.size()), taken);
  EXPECT_EQ(sink.write("after\n"), LineSink::Result::Written);
  EXPECT_EQ(read(read_end.get(), 6), "after\n");
}

TEST_F(Sink, TheCallersDescriptionStaysBlocking) {
  auto [read_end, write_end] = posix::make_pipe();
  LineSink sink(write_end.get());
  fill(sink);
  EXPECT_EQ(::fcntl(write_end.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(Sink, ASocketTakesTheRestOfALineBeforeTheNext) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const posix::UniqueFd ours(ends[0]);
  const posix::UniqueFd theirs(ends[1]);
  LineSink sink(ours.get());
  const std::string taken = fill(sink);
  // A part of it may wait in the sink.
  std::string seen = read(theirs.get(), taken.size() / 2);
  EXPECT_EQ(sink.flush(), LineSink::Result::Written);
  seen += read(theirs.get(), taken.size() - seen.size());
  EXPECT_EQ(seen, taken);
}

TEST_F(Sink, ATerminalTakesTheRestOfALineBeforeTheNext) {
  const posix::UniqueFd screen(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!screen || ::grantpt(screen.get()) != 0 || ::unlockpt(screen.get()) != 0)
    GTEST_SKIP() << "this machine lends no terminals";
  const posix::UniqueFd terminal(::open(::ptsname(screen.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  termios settings{};
  ASSERT_EQ(::tcgetattr(terminal.get(), &settings), 0);
  ::cfmakeraw(&settings);
  ::tcsetattr(terminal.get(), TCSANOW, &settings);
  LineSink sink(terminal.get());
  EXPECT_TRUE(sink.is_terminal());
  const std::string taken = fill(sink);
  std::string seen = read(screen.get(), taken.size() / 2);
  EXPECT_EQ(sink.flush(), LineSink::Result::Written);
  seen += read(screen.get(), taken.size() - seen.size());
  EXPECT_EQ(seen, taken);
}

TEST_F(Sink, AReaderThatIsGoneIsNoSignalAndStaysGone) {
  auto [read_end, write_end] = posix::make_pipe();
  LineSink sink(write_end.get());
  read_end.reset();
  EXPECT_EQ(sink.write("line\n"), LineSink::Result::Gone);
  EXPECT_EQ(sink.write("line\n"), LineSink::Result::Gone);
  EXPECT_TRUE(sink.has_room());
}

TEST_F(Sink, ADescriptorThatRefusesIsGone) {
  const posix::UniqueFd wrong_way(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  LineSink sink(wrong_way.get());
  EXPECT_EQ(sink.write("line\n"), LineSink::Result::Gone);
}

TEST_F(Sink, AFileIsWrittenWhereItsOtherWritersAre) {
  char path[] = "/tmp/hubcell-sink-XXXXXX";
  const posix::UniqueFd file(::mkstemp(path));
  ::unlink(path);
  LineSink sink(file.get());
  ASSERT_EQ(::write(file.get(), "one\n", 4), 4);
  EXPECT_EQ(sink.write("two\n"), LineSink::Result::Written);
  ASSERT_EQ(::write(file.get(), "three\n", 6), 6);
  ::lseek(file.get(), 0, SEEK_SET);
  EXPECT_EQ(read(file.get(), 14), "one\ntwo\nthree\n");
}

}  // namespace
}  // namespace hubcell::process
