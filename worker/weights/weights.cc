#include "worker/weights/weights.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include <hubcell/error.h>

#include "shared/base/check.h"
#include "shared/base/log.h"
#include "shared/posix/system_error.h"
#include "shared/python/object.h"
#include "shared/wire/limits.h"
#include "shared/wire/weight_messages.h"
#include "worker/weights/own_pages.h"

namespace hubcell::worker {
namespace {

using python::PyRef;

// Copied or compared at once, with the GIL: 1 to 3 ms.
constexpr std::size_t kPieceBytes = std::size_t{4} << 20;
// In one round with the supervisor; a larger storage is alone in it.
constexpr std::size_t kRoundBytes = std::size_t{32} << 20;
constexpr std::chrono::milliseconds kAnswerSlice{1};
constexpr std::chrono::seconds kAnswerDeadline{30};
// A worker that is called without a pause shares a piece between two calls so often.
constexpr std::chrono::seconds kPatience{1};
constexpr std::chrono::milliseconds kBusyEvery{20};
// Each takes entries of the kernel's list of mappings, of which a process has 65,530.
constexpr std::size_t kStoragesMax = wire::kSegmentsMax;

// A segment holds what its storage does, as far into a page; what lies before and behind it in those pages is zero.
std::size_t offset_in_page(std::span<const std::byte> memory) {
  return reinterpret_cast<std::uintptr_t>(memory.data()) % kPageBytes;
}
std::size_t segment_bytes(std::span<const std::byte> memory) {
  return (offset_in_page(memory) + memory.size() + kPageBytes - 1) / kPageBytes * kPageBytes;
}

std::span<std::byte> piece_of(std::span<std::byte> bytes, std::size_t done) {
  return bytes.subspan(done, std::min(kPieceBytes, bytes.size() - done));
}

// A request whose answer is looked for now and then.
class Asked {
 public:
  template <class Body>
  Asked(ControlLine& line, const Body& body) : line_(line), request_(line.begin(body)) {}
  Asked(const Asked&) = delete;
  Asked& operator=(const Asked&) = delete;
  ~Asked() { line_.give_up(request_); }

  bool is_answered() {
    answer_ = line_.wait(request_, kAnswerSlice);
    if (!answer_ && std::chrono::steady_clock::now() > end_)
      throw Error(ErrorCode::DeadlineExceeded, "the supervisor does not answer");
    return answer_.has_value();
  }
  wire::Frame take_answer() { return std::move(*answer_); }

 private:
  ControlLine& line_;
  const std::uint64_t request_;
  const std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::now() + kAnswerDeadline;
  std::optional<wire::Frame> answer_;
};

}  // namespace

Weights::Weights(ControlLine& line, const std::string& folder) : line_(line) {
  const PyRef module = python::load_source_file("hubcell_weights", folder + "/weights.py");
  storages_ = python::call(python::attribute(module.get(), "Storages").get());
}

void Weights::note_load() {
  if (bytes_apart() < kApartBytesMin) return;
  is_due_ = true;
  due_since_ = Clock::now();
}

bool Weights::is_overdue() const {
  if (!has_work()) return false;
  const auto now = Clock::now();
  return now - due_since_ >= kPatience && now - last_work_ >= kBusyEvery;
}

// What fails here costs memory and nothing else.
void Weights::work() {
  try {
    if (sharing_.done() && std::exchange(is_due_, false)) sharing_ = share_all();
    if (!sharing_.done()) sharing_.go_on();
  } catch (const std::exception& failure) {  // no memory left, say
    log::debug(std::string("weights are not shared: ") + failure.what());
    sharing_ = Steps();
  }
  last_work_ = Clock::now();
}

Steps Weights::share_all() {
  std::vector<Storage> storages = find_storages();
  for (std::span<Storage> left = storages; !left.empty();) {
    const std::span<Storage> round = left.first(round_of(left));
    left = left.subspan(round.size());
    Asked making(line_, wants_of(round));
    while (!making.is_answered())
      co_await next_step();
    take_segments(round, making.take_answer());
    for (Storage& storage : round) {
      while (write_piece(storage))
        co_await next_step();
    }
    Asked sharing(line_, wire::OfferSegments());
    while (!sharing.is_answered())
      co_await next_step();
    take_shared(round, sharing.take_answer());
    for (Storage& storage : round) {
      while (map_piece(storage))
        co_await next_step();
    }
  }
}

// How many of those that are left go together.
std::size_t Weights::round_of(std::span<const Storage> left) {
  std::size_t count = 1;
  std::size_t bytes = left[0].pages.size();
  while (count < left.size() && count < wire::kSegmentsAtOnce &&
         bytes + left[count].pages.size() <= kRoundBytes)
    bytes += left[count++].pages.size();
  return count;
}

wire::WantSegments Weights::wants_of(std::span<const Storage> round) {
  wire::WantSegments wanted;
  for (const Storage& storage : round)
    wanted.bytes.push_back(segment_bytes(storage.memory));
  return wanted;
}

std::vector<Weights::Storage> Weights::find_storages() {
  const PyRef bytes_min = python::checked(PyLong_FromSize_t(kApartBytesMin));
  const PyRef found = python::call(python::attribute(storages_.get(), "find").get(), {bytes_min.get()});
  forget(PyTuple_GetItem(found.get(), 1));
  PyObject* list = PyTuple_GetItem(found.get(), 0);
  std::vector<Storage> storages;
  for (Py_ssize_t i = 0; i < PyList_Size(list) && storages.size() < kStoragesMax; ++i) {
    PyObject* entry = PyList_GetItem(list, i);
    const std::span memory(static_cast<std::byte*>(PyLong_AsVoidPtr(PyTuple_GetItem(entry, 1))),
                           PyLong_AsSize_t(PyTuple_GetItem(entry, 2)));
    const std::span<std::byte> pages = own_pages(memory);
    if (!pages.empty())
      storages.push_back(
          {.object = PyRef::borrow(PyTuple_GetItem(entry, 0)), .memory = memory, .pages = pages});
  }
  return storages;
}

// What lies there now is another's, and private.
void Weights::forget(PyObject* addresses) {
  std::vector<std::uint32_t> gone;
  for (Py_ssize_t i = 0; i < PyList_Size(addresses); ++i) {
    const auto entry = shared_.find(static_cast<std::byte*>(PyLong_AsVoidPtr(PyList_GetItem(addresses, i))));
    if (entry == shared_.end()) continue;
    gone.push_back(entry->second.segment);
    shared_.erase(entry);
  }
  drop(gone);
}

// The supervisor gives a client only what its worker maps: what an answer names stays until that has come.
void Weights::drop(std::span<const std::uint32_t> segments) {
  wire::DropSegments dropped;
  for (const std::uint32_t segment : segments)
    (lent_.contains(segment) ? late_drops_ : dropped.segments).push_back(segment);
  if (!dropped.segments.empty()) line_.tell(dropped);
}

MappedBlock Weights::find_equal(std::span<const std::byte> bytes) const {
  auto entry = shared_.upper_bound(bytes.data());
  if (entry == shared_.begin()) return {};
  const auto& [begin, shared] = *--entry;
  const auto into_storage = static_cast<std::size_t>(bytes.data() - begin);
  if (into_storage > shared.bytes || bytes.size() > shared.bytes - into_storage) return {};
  std::byte* data = shared.memory->data() + offset_in_page({begin, shared.bytes}) + into_storage;
  const bool is_equal = std::memcmp(data, bytes.data(), bytes.size()) == 0;
  // Looked at through this mapping it would count for this process twice.
  ::madvise(shared.memory->data(), shared.memory->size(), MADV_DONTNEED);
  if (!is_equal) return {};
  return {.data = data, .owner = std::shared_ptr<void>(shared.memory, shared.memory->data())};
}

Block Weights::lend(const void* owner) {
  const auto entry = std::ranges::find_if(
      shared_, [owner](const auto& known) { return known.second.memory->data() == owner; });
  HUBCELL_CHECK(entry != shared_.end());
  const Shared& shared = entry->second;
  ++lent_[shared.segment];
  return {.segment = shared.segment, .offset = 0, .bytes = shared.memory->size()};
}

void Weights::take_back(std::uint32_t segment) {
  const auto lent = lent_.find(segment);
  if (lent == lent_.end() || --lent->second > 0) return;
  lent_.erase(lent);
  const auto late = static_cast<std::size_t>(std::erase(late_drops_, segment));
  drop(std::vector(late, segment));
}

bool Weights::is_still_there(const Storage& storage) const {
  return call_about(storage, "is_there").get() == Py_True &&
         own_pages(storage.memory).data() == storage.pages.data();
}

PyRef Weights::call_about(const Storage& storage, const char* method) const {
  const PyRef address = python::checked(PyLong_FromVoidPtr(storage.memory.data()));
  const PyRef bytes = python::checked(PyLong_FromSize_t(storage.memory.size()));
  return python::call(python::attribute(storages_.get(), method).get(),
                      {storage.object.get(), address.get(), bytes.get()});
}

void Weights::take_segments(std::span<Storage> round, wire::Frame answer) {
  std::vector<posix::UniqueFd> segments = answer.take_descriptors(round.size());
  for (std::size_t i = 0; i < round.size(); ++i)
    round[i].segment = std::move(segments[i]);
}

// By a system call and not through a mapping: the kernel need not clear the pages first, and where the storage is gone it says so.
bool Weights::write_piece(Storage& storage) {
  const std::span<std::byte> piece = piece_of(storage.memory, storage.done);
  const auto offset = static_cast<off_t>(offset_in_page(storage.memory) + storage.done);
  const ssize_t written = ::pwrite(storage.segment.get(), piece.data(), piece.size(), offset);
  if (written <= 0) posix::throw_errno("write weights");
  storage.done += static_cast<std::size_t>(written);
  return storage.done < storage.memory.size();
}

void Weights::take_shared(std::span<Storage> round, wire::Frame answer) {
  const std::vector<std::uint32_t> numbers = answer.as<wire::SegmentsShared>().segments;
  take_segments(round, std::move(answer));
  if (numbers.size() != round.size())
    throw Error(ErrorCode::Protocol, "the supervisor shares too few segments");
  for (std::size_t i = 0; i < round.size(); ++i) {
    Storage& storage = round[i];
    storage.done = 0;
    const std::size_t bytes = segment_bytes(storage.memory);
    auto memory = std::make_shared<posix::Mapping>(posix::Mapping::of_sealed(storage.segment.get(), bytes));
    shared_[storage.memory.data()] = {
        .segment = numbers[i], .bytes = storage.memory.size(), .memory = std::move(memory)};
    call_about(storage, "note_shared");
  }
}

// What was written since it was copied stays as it is. Nothing comes between the comparison and the replacement: calls and Python
// wait, and a thread of foreign code that writes weights without either races with every call as well.
bool Weights::map_piece(Storage& storage) {
  const std::span<std::byte> piece = piece_of(storage.pages, storage.done);
  if (!is_still_there(storage)) return false;
  // The first whole page is the segment's first, or the one behind it.
  const std::size_t begin = offset_in_page(storage.memory) == 0 ? 0 : kPageBytes;
  void* mapped = ::mmap(nullptr, piece.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE, storage.segment.get(),
                        static_cast<off_t>(begin + storage.done));
  if (mapped == MAP_FAILED) posix::throw_errno("map weights");
  ::madvise(mapped, piece.size(), MADV_POPULATE_READ);
  const bool is_equal = std::memcmp(mapped, piece.data(), piece.size()) == 0;
  if (!is_equal ||
      ::mremap(mapped, piece.size(), piece.size(), MREMAP_MAYMOVE | MREMAP_FIXED, piece.data()) == MAP_FAILED)
    ::munmap(mapped, piece.size());
  storage.done += piece.size();
  if (storage.done < storage.pages.size()) return true;
  storage.segment.reset();
  storage.object = PyRef();
  return false;
}

}  // namespace hubcell::worker
