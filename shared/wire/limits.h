// Every bound of what one process accepts from another. Larger is an Error(Protocol), never an allocation.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace hubcell::wire {

inline constexpr std::uint32_t kProtocolVersion = 4;

// A call's structure (names, nesting, small values). Tensor bytes are not in it.
inline constexpr std::size_t kFrameBytesMax = 1 << 20;
inline constexpr std::size_t kValueDepthMax = 64;
inline constexpr std::size_t kValueNodesMax = 100'000;
inline constexpr std::size_t kTensorDimensionsMax = 64;

// Calls that one worker may have in flight; one slot each.
inline constexpr std::size_t kSlotCount = 64;
// Workers of one session that may be open at a time.
inline constexpr std::size_t kWorkersMax = 256;
// Handles of one worker that a client may hold at a time.
inline constexpr std::size_t kHandlesMax = 1 << 20;

// Of a history: commits and files that are listed (all are counted), what is taken of a commit's parents, and bytes of its author,
// its subject and a path.
inline constexpr std::size_t kHistoryCommitsMax = 10'000;
inline constexpr std::size_t kHistoryFilesMax = 1000;
inline constexpr std::size_t kHistoryParentsMax = 128;
inline constexpr std::size_t kHistoryTextBytesMax = 200;
inline constexpr std::size_t kHistoryPathBytesMax = 4096;

// Segments of weights: in one message, and of one worker.
inline constexpr std::size_t kSegmentsAtOnce = 32;
inline constexpr std::size_t kSegmentsMax = 8192;

// What is kept of a worker's printed output, for errors, and what one line may be as it is shown: a pipe takes as much whole.
inline constexpr std::size_t kOutputTailLines = 20;
inline constexpr std::size_t kOutputLineBytesMax = 4096;

// What one worker may have fetched while it lives: files, bytes of one of them, and repositories.
inline constexpr std::size_t kWantsMax = 10'000;
inline constexpr std::uint64_t kWantedFileBytesMax = std::uint64_t{64} << 30;

// What a worker's scratch folder may hold where its user says nothing: in memory, where the sandbox has mount namespaces.
inline constexpr std::uint64_t kScratchBytes = std::uint64_t{4} << 30;

// The most that a data area may be; without a budget it is the machine's memory. Sparse, so that it costs nothing until
// it is written.
inline constexpr std::uint64_t kDataAreaBytesMax = std::uint64_t{64} << 30;

// From the start of an interpreter until our extension is loaded in it, and from then until torch is imported.
inline constexpr std::chrono::seconds kInterpreterStartDeadline{20};
inline constexpr std::chrono::seconds kTemplateStartDeadline{120};
inline constexpr std::chrono::seconds kWorkerStartDeadline{30};
inline constexpr std::chrono::seconds kFetchDeadline{3600};
inline constexpr std::chrono::hours kFileDeadline{24};
// Between the interruption of a call whose deadline has passed and the kill of its worker.
inline constexpr std::chrono::milliseconds kInterruptGrace{250};

}  // namespace hubcell::wire
