// How a worker's weights come into memory that others map too. supervisor/weights/store.h says what becomes of them.
//
// The worker asks for empty segments, writes them, offers them, and maps in the place of its own pages what it gets for them.
#pragma once

#include <cstdint>
#include <vector>

#include "shared/wire/codec.h"
#include "shared/wire/messages.h"

namespace hubcell::wire {

// ---- worker -> supervisor (not trusted)

// Segments of so many bytes each (whole pages), kSegmentsAtOnce at most, in the place of those that were asked for before and not
// offered. Answered by SegmentsMade or Failure.
struct WantSegments {
  static constexpr Tag kTag = Tag::WantSegments;
  std::vector<std::uint64_t> bytes;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(bytes);
  }
};

// They are written, and nothing of them is mapped. Answered by SegmentsShared or Failure.
struct OfferSegments {
  static constexpr Tag kTag = Tag::OfferSegments;

  template <class Archive>
  void serialize(Archive&) {}
};

// Segments that the worker maps no longer. Not answered.
struct DropSegments {
  static constexpr Tag kTag = Tag::DropSegments;
  std::vector<std::uint32_t> segments;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(segments);
  }
};

// ---- supervisor -> worker

// Brings the segments, in order, to be written.
struct SegmentsMade {
  static constexpr Tag kTag = Tag::SegmentsMade;

  template <class Archive>
  void serialize(Archive&) {}
};

// Brings the segments, in order, that hold what was offered: those or equal ones. They change no more.
struct SegmentsShared {
  static constexpr Tag kTag = Tag::SegmentsShared;
  std::vector<std::uint32_t> segments;  // their numbers

  template <class Archive>
  void serialize(Archive& archive) {
    archive(segments);
  }
};

// ---- client -> supervisor

// A segment that a worker of this session maps, which an answer of it names. Answered by SegmentMapped, or by Failure where it
// does not.
struct MapSegment {
  static constexpr Tag kTag = Tag::MapSegment;
  std::uint64_t worker = 0;
  std::uint32_t segment = 0;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(worker, segment);
  }
};

// ---- supervisor -> client

// Brings the segment, which changes no more.
struct SegmentMapped {
  static constexpr Tag kTag = Tag::SegmentMapped;
  std::uint64_t bytes = 0;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(bytes);
  }
};

}  // namespace hubcell::wire
