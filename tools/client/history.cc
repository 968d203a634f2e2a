// What lies between two commits.
#include <hubcell/hub.h>

#include "shared/wire/history_messages.h"
#include "tools/client/session.h"

namespace hubcell {
namespace {

Commit commit_of(const wire::CommitRecord& record) {
  return {.id = record.id,
          .author = record.author,
          .time = record.time,
          .offset_minutes = record.offset_minutes,
          .subject = record.subject,
          .parents = record.parents};
}

FileChange change_of(const wire::FileRecord& record) {
  return {.path = record.path,
          .old_path = record.old_path,
          .status = static_cast<char>(record.status),
          .added = record.added,
          .removed = record.removed,
          .is_binary = record.is_binary};
}

History read(client::Session& session, const wire::ReadHistory& wanted) {
  History history;
  const wire::HistoryRead summary = session.read_history(wanted, [&](const wire::HistoryPart& part) {
    for (const wire::CommitRecord& commit : part.commits)
      history.commits.push_back(commit_of(commit));
    for (const wire::FileRecord& file : part.files)
      history.files.push_back(change_of(file));
  });
  history.a = summary.a.id;
  history.b = summary.b.id;
  history.tips = {commit_of(summary.a), commit_of(summary.b)};
  history.merge_base = summary.merge_base;
  history.only_a = summary.only_a;
  history.only_b = summary.only_b;
  history.files_changed = summary.files_changed;
  history.lines_added = summary.lines_added;
  history.lines_removed = summary.lines_removed;
  return history;
}

}  // namespace

History Hub::history(const std::string& repository_a, const std::string& repository_b) {
  return read(*session_, {.a = repository_a, .b = repository_b});
}

History Hub::changes(const std::string& repository) {
  return read(*session_, {.b = repository});
}

}  // namespace hubcell
