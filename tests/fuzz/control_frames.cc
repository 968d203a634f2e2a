// Control messages: a frame and its body, by its tag, as the supervisor, the client and templates receive them; and
// the fetcher's messages, which lie in no frame. What is decoded has one encoding only, the input itself.
#include <algorithm>
#include <tuple>

#include "shared/base/check.h"
#include "shared/wire/fetch_messages.h"
#include "shared/wire/frame.h"
#include "tests/fuzz/target.h"

namespace hubcell::fuzz {
namespace {

using AllBodies =
    std::tuple<wire::Hello, wire::OpenWorker, wire::Progress, wire::WorkerOpened, wire::Failure,
               wire::DescribeWorker, wire::WorkerStatus, wire::LoadBegan, wire::LoadEnded, wire::CloseWorker,
               wire::Diagnose, wire::Diagnosis, wire::TemplateReady, wire::ForkWorker, wire::WorkerForked,
               wire::WorkerEnded, wire::ProbeLayers, wire::LayersProbed, wire::TemplateStarting,
               wire::WorkerReady, wire::WorkerFailed, wire::FetchFile, wire::FileFetched, wire::GiveUp,
               wire::ManageCache, wire::CacheEntry, wire::CacheDone, wire::Pins, wire::LoadNote,
               wire::LoadSummary, wire::WantFile, wire::WantRepository, wire::Granted, wire::Welcome,
               wire::ListWorkers, wire::RunningWorker, wire::RunningSupervisor, wire::Stop, wire::Stopped,
               wire::ReadLog, wire::LogLine, wire::LogEnd, wire::WantSegments, wire::SegmentsMade,
               wire::OfferSegments, wire::SegmentsShared, wire::DropSegments, wire::MapSegment,
               wire::SegmentMapped, wire::ReadHistory, wire::HistoryPart, wire::HistoryRead, wire::Attach>;

// Of no message: what follows is a message of the fetcher.
enum class FetchTag : std::uint16_t { Job = 1000, Event = 1001 };

template <typename Visit>
void for_each_body(Visit visit) {
  std::apply([&](const auto&... bodies) { (visit(bodies), ...); }, AllBodies{});
}

void check_encoding(std::span<const std::byte> encoded, std::span<const std::byte> input) {
  HUBCELL_CHECK(std::ranges::equal(encoded, input));
}

template <typename Body>
bool decode_if(const wire::Frame& frame, std::span<const std::byte> input) {
  if (frame.tag() != Body::kTag) return false;
  check_encoding(wire::encode_frame(frame.request(), frame.as<Body>()), input);
  return true;
}

template <typename Message>
bool decode_bare(std::span<const std::byte> bytes) {
  check_encoding(wire::encode(wire::decode<Message>(bytes)), bytes);
  return true;
}

bool decode(std::span<const std::byte> input) {
  wire::Frame frame(posix::Message{.bytes = {input.begin(), input.end()}, .descriptors = {}});
  const auto body = input.subspan(sizeof(std::uint16_t) + sizeof(std::uint64_t));
  if (frame.tag() == static_cast<wire::Tag>(FetchTag::Job)) return decode_bare<wire::FetchJob>(body);
  if (frame.tag() == static_cast<wire::Tag>(FetchTag::Event)) return decode_bare<wire::FetchEvent>(body);
  bool is_decoded = false;
  for_each_body(
      [&]<typename Body>(const Body&) { is_decoded = is_decoded || decode_if<Body>(frame, input); });
  if (!is_decoded) frame.unexpected();
  return true;
}

template <typename Body>
Seed seed_of(const std::string& name, const Body& body) {
  return {.name = name, .bytes = wire::encode_frame(7, body)};
}

template <typename Message>
Seed bare_seed_of(const std::string& name, FetchTag tag, const Message& message) {
  wire::SpanWriter writer;
  writer(wire::FrameHeader{.tag = static_cast<std::uint16_t>(tag), .request = 0}, message);
  return {.name = name, .bytes = writer.take_bytes()};
}

std::vector<Seed> filled_seeds() {
  const std::vector<wire::LayerReport> layers{{.name = "seccomp", .holds = true, .detail = "42 calls"},
                                              {.name = "landlock", .holds = false, .detail = ""}};
  wire::Hello hello;
  hello.working_folder = "/tmp";
  hello.environment = {"HOME=/tmp", "LANG=C"};
  wire::OpenWorker open;
  open.repository = "acme/resnet@main";
  open.seed = 5;
  open.refresh = true;
  open.replica = 1;
  const wire::FetchFile file{
      .url = "https://h/f", .folder = "/tmp", .name = "f", .hash_prefix = "ab", .keep = true};
  wire::WorkerOpened opened;
  opened.name = "acme/resnet";
  opened.commit = std::string(40, 'a');
  opened.warnings = {"slow", ""};
  wire::Diagnosis diagnosis;
  diagnosis.layers = layers;
  wire::ForkWorker fork;
  fork.checkout = "/tmp/checkout";
  fork.seed = 1;
  fork.bytecode = "/tmp/bytecode/cpython-311";
  fork.compiles = true;
  wire::FetchResult result;
  result.commit = wire::FetchedCommit{.ref = "main", .commit = std::string(40, 'b'), .checkout = "/tmp"};
  result.file = wire::FetchedFile{.sha256 = std::string(64, 'c'), .bytes = 5, .was_there = true};
  result.warnings = {"tag moved"};
  const wire::CommitRecord commit{.id = std::string(40, 'd'),
                                  .author = "A <a@b>",
                                  .time = 1,
                                  .offset_minutes = 60,
                                  .subject = "first",
                                  .parents = {std::string(40, 'e')}};
  const wire::FileRecord file_record{.path = "new", .old_path = "old", .status = 'R', .added = 3};
  const wire::HistoryPart part{.commits = {commit, {}}, .files = {file_record}};
  const wire::HistoryRead history{.a = commit, .b = commit, .only_b = 1, .files_changed = 1};
  return {
      seed_of("hello", hello),
      seed_of("open_worker", open),
      seed_of("worker_opened", opened),
      seed_of("failure", wire::Failure{.code = ErrorCode::Source, .message = "no branch"}),
      seed_of(
          "worker_status",
          wire::WorkerStatus{
              .ended = true, .exit_code = 1, .signal = 9, .output_tail = {"a"}, .reason = "was unloaded"}),
      seed_of("running_worker", wire::RunningWorker{.pid = 5, .label = "acme/net@main", .entry = "net"}),
      seed_of("log_line", wire::LogLine{.time_ms = 1, .kind = wire::LogKind::Printed, .text = "hello"}),
      seed_of("want_segments", wire::WantSegments{.bytes = {4096, 1 << 20}}),
      seed_of("segments_shared", wire::SegmentsShared{.segments = {1, 2}}),
      seed_of("drop_segments", wire::DropSegments{.segments = {1}}),
      seed_of("diagnosis", diagnosis),
      seed_of("fetch_file", file),
      seed_of("read_history", wire::ReadHistory{.a = "acme/net@v1", .b = "acme/net@v2"}),
      seed_of("history_part", part),
      seed_of("history_read", history),
      bare_seed_of("history_job", FetchTag::Job,
                   wire::FetchJob{.history = wire::HistoryJob{.url = "file:///x",
                                                              .name = "x",
                                                              .a = wire::HistoryEnd{.ref = "v1"},
                                                              .b = {.commit = std::string(40, 'd')}}}),
      bare_seed_of("history_event", FetchTag::Event, wire::FetchEvent{.history = part}),
      seed_of("want_repository", wire::WantRepository{.repository = "acme/net", .refresh = true}),
      seed_of("fork_worker", fork),
      seed_of("worker_ready", wire::WorkerReady{.layers = layers}),
      bare_seed_of(
          "fetch_job", FetchTag::Job,
          wire::FetchJob{
              .origin = wire::Origin::Worker,
              .cache_root = "/tmp",
              .commit = wire::CommitJob{.url = "file:///x", .name = "x", .ref = "main"},
              .file = wire::FileJob{.url = "https://h/f", .folder = "/tmp", .name = "f", .keep = true},
              .blob = wire::BlobJob{.url = "https://h/f", .refresh = true}}),
      bare_seed_of("fetch_progress", FetchTag::Event,
                   wire::FetchEvent{.progress = wire::FetchProgress{.what = "objects", .done = 1, .total = 2},
                                    .result = std::nullopt}),
      bare_seed_of("fetch_result", FetchTag::Event,
                   wire::FetchEvent{.progress = std::nullopt, .result = result})};
}

}  // namespace

Verdict run_input(std::span<const std::byte> input) {
  try {
    decode(input);
    return Verdict::Accepted;
  } catch (const Error& refusal) {
    HUBCELL_CHECK(refusal.code() == ErrorCode::Protocol);
    return Verdict::Refused;
  }
}

std::vector<Seed> make_seeds() {
  std::vector<Seed> seeds = filled_seeds();
  for_each_body([&](const auto& body) {
    seeds.push_back(seed_of("empty_" + std::to_string(static_cast<unsigned>(body.kTag)), body));
  });
  return seeds;
}

ByteString generate(Random& random) {
  static const std::vector<Seed> seeds = make_seeds();
  return seeds[random.below(seeds.size())].bytes;
}

}  // namespace hubcell::fuzz
