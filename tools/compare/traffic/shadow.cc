// Calls wait for b in a queue that a few threads work off. A call has a place from its beginning on, until b has answered: where there is none,
// nothing is copied. The threads share what they work on with the Shadow, and are not joined: b may hang for ever, and who lets go of
// a Shadow must not.
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include <hubcell/traffic.h>

#include "tools/compare/numbers/differences.h"
#include "tools/compare/traffic/call_clock.h"
#include "tools/compare/traffic/copied_value.h"
#include "tools/compare/traffic/shadow_statistics.h"

namespace hubcell::compare {

struct Shadow::State : std::enable_shared_from_this<Shadow::State> {
  struct Job {
    ShadowedCall call;
    Value state;
    std::uint64_t bytes = 0;
  };

  State(Callee asked, ShadowOptions given)
      : b(std::move(asked)), options(std::move(given)), book(options.last_max) {}

  bool is_forked() const { return ::getpid() != process; }

  // A place for a call with so many bytes; its number, or none.
  std::optional<std::uint64_t> enter(const ValueContent& content);
  // More bytes for a call that has a place; false where there is no room.
  bool enlarge(std::uint64_t bytes);
  void leave_locked(std::uint64_t bytes);
  void push(Job job);
  void work();
  std::optional<Job> take();
  void ask(Job job);
  void tell(const ShadowedCall& call);

  const Callee b;
  const ShadowOptions options;
  const pid_t process = ::getpid();
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Job> jobs;
  ShadowBook book;
  std::uint64_t bytes_in_flight = 0;
  std::size_t threads = 0, idle = 0;
  bool closed = false;
};

class Shadow::Begun {
 public:
  Begun(std::shared_ptr<State> owner, std::optional<State::Job> job)
      : state_(std::move(owner)), job_(std::move(job)) {}
  Begun(const Begun&) = delete;
  Begun& operator=(const Begun&) = delete;
  ~Begun() {
    if (is_answered_ || state_->is_forked()) return;
    const std::lock_guard lock(state_->mutex);
    ++state_->book.counts.failed_a;
    if (job_) state_->leave_locked(job_->bytes);
  }

  // What the call is given, as it is now; then a begins.
  void fix(const std::string& method, const Arguments& arguments, const Keywords& keywords,
           const Value& state) {
    job_->call.method = method;
    job_->call.arguments = copied(arguments);
    job_->call.keywords = copied(keywords);
    job_->state = copied(state);
    watch_ = Stopwatch();
  }
  void answer(const Value& answer);

 private:
  std::shared_ptr<State> state_;
  std::optional<State::Job> job_;  // none where b is not going to be asked
  Stopwatch watch_;
  bool is_answered_ = false;
};

// ---- places

std::optional<std::uint64_t> Shadow::State::enter(const ValueContent& content) {
  const std::lock_guard lock(mutex);
  ShadowStatistics& counts = book.counts;
  const std::uint64_t number = counts.calls++;
  if (closed) return std::nullopt;
  if (content.handles != 0) {
    ++counts.skipped;
    return std::nullopt;
  }
  if (counts.in_flight >= options.in_flight_max ||
      content.tensor_bytes > options.bytes_max - bytes_in_flight) {
    ++counts.dropped;
    return std::nullopt;
  }
  ++counts.in_flight;
  bytes_in_flight += content.tensor_bytes;
  return number;
}

bool Shadow::State::enlarge(std::uint64_t bytes) {
  const std::lock_guard lock(mutex);
  if (bytes > options.bytes_max - bytes_in_flight) return false;
  bytes_in_flight += bytes;
  return true;
}

void Shadow::State::leave_locked(std::uint64_t bytes) {
  --book.counts.in_flight;
  bytes_in_flight -= bytes;
  changed.notify_all();
}

// ---- a's side

void Shadow::Begun::answer(const Value& answer) {
  const double seconds = watch_.seconds();
  is_answered_ = true;
  if (state_->is_forked()) return;
  const std::uint64_t bytes = job_ ? content_of(answer).tensor_bytes : 0;
  const bool has_room = job_ && state_->enlarge(bytes);
  if (has_room) {
    job_->bytes += bytes;
    job_->call.answer[0] = copied(answer);
    job_->call.seconds[0] = seconds;
  }
  {
    const std::lock_guard lock(state_->mutex);
    state_->book.note_latency(0, seconds);
    if (job_ && !has_room) {
      ++state_->book.counts.dropped;
      state_->leave_locked(job_->bytes);
    }
  }
  if (has_room) state_->push(std::move(*job_));
}

void Shadow::State::push(Job job) {
  {
    const std::lock_guard lock(mutex);
    if (closed) return leave_locked(job.bytes);
    jobs.push_back(std::move(job));
    changed.notify_all();
    if (idle >= jobs.size() || threads >= options.threads) return;
    ++threads;
  }
  std::thread([self = shared_from_this()] { self->work(); }).detach();
}

// ---- b's side

void Shadow::State::work() {
  while (std::optional<Job> job = take())
    ask(std::move(*job));
}

std::optional<Shadow::State::Job> Shadow::State::take() {
  std::unique_lock lock(mutex);
  ++idle;
  changed.wait(lock, [this] { return closed || !jobs.empty(); });
  --idle;
  if (closed) return std::nullopt;
  Job job = std::move(jobs.front());
  jobs.pop_front();
  return job;
}

// The edge of its thread: whatever b, the comparison or the memory that they need fails in ends here, as an error of b.
void Shadow::State::ask(Job job) {
  ShadowedCall& call = job.call;
  const Stopwatch watch;
  try {
    call.answer[1] = b(call.method, call.arguments, call.keywords,
                       {.deadline = options.deadline, .state = std::move(job.state), .waits_for_slot = true});
    call.seconds[1] = watch.seconds();
    call.difference = difference_of(call.answer[0], call.answer[1], options.tolerance);
  } catch (const Error& failure) {
    call.seconds[1] = watch.seconds();
    call.failure = failure_of(failure);
  } catch (const std::exception& failure) {
    call.failure = CallFailure{.type = "System", .message = failure.what()};
  }
  bool differs = false;
  {
    const std::lock_guard lock(mutex);
    if (!closed) differs = book.note(call, time_of_day());
  }
  if (differs && options.on_difference) tell(call);
  const std::uint64_t bytes = job.bytes;
  // What b answered lies in memory that b's worker gets back.
  job = Job();
  const std::lock_guard lock(mutex);
  leave_locked(bytes);
}

void Shadow::State::tell(const ShadowedCall& call) {
  try {
    options.on_difference(call);
  } catch (const std::exception& failure) {
    const std::lock_guard lock(mutex);
    if (book.counts.callback_errors++ == 0) book.counts.callback_error = failure.what();
  }
}

// ---- what users see

Shadow::Shadow(Callee b, ShadowOptions options)
    : state_(std::make_shared<State>(std::move(b), std::move(options))) {}
Shadow::Shadow(Shadow&&) noexcept = default;
Shadow& Shadow::operator=(Shadow&&) noexcept = default;
Shadow::~Shadow() {
  if (state_) close();
}

std::shared_ptr<Shadow::Begun> Shadow::begin(const std::string& method, const Arguments& arguments,
                                             const Keywords& keywords, const Value& state) {
  if (state_->is_forked()) return nullptr;
  const ValueContent content = content_of(arguments, keywords);
  const std::optional<std::uint64_t> number = state_->enter(content);
  if (!number) return std::make_shared<Begun>(state_, std::nullopt);
  State::Job job;
  job.bytes = content.tensor_bytes;
  job.call.number = *number;
  auto begun = std::make_shared<Begun>(state_, std::move(job));
  begun->fix(method, arguments, keywords, state);
  return begun;
}

void Shadow::answered(Begun& call, const Value& answer) {
  call.answer(answer);
}

Value Shadow::call(const Callee& a, const std::string& method, Arguments arguments, Keywords keywords,
                   CallOptions options) {
  const std::shared_ptr<Begun> begun = begin(method, arguments, keywords, options.state);
  Value answer = a(method, std::move(arguments), std::move(keywords), std::move(options));
  if (begun) begun->answer(answer);
  return answer;
}

ShadowStatistics Shadow::statistics() const {
  const std::lock_guard lock(state_->mutex);
  return state_->book.statistics();
}

bool Shadow::wait(std::chrono::milliseconds time) const {
  std::unique_lock lock(state_->mutex);
  return state_->changed.wait_for(lock, time, [this] { return state_->book.counts.in_flight == 0; });
}

void Shadow::close() {
  if (state_->is_forked()) return;
  const std::lock_guard lock(state_->mutex);
  state_->closed = true;
  while (!state_->jobs.empty()) {
    state_->leave_locked(state_->jobs.front().bytes);
    state_->jobs.pop_front();
  }
  state_->changed.notify_all();
}

}  // namespace hubcell::compare
