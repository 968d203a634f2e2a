// torch.hub's downloads. The fetcher transfers; what is unpickled is unpickled in a worker.
#include <hubcell/hub.h>

#include <filesystem>

#include "shared/base/url_text.h"
#include "tools/client/installation.h"
#include "tools/client/session.h"
#include "tools/client/worker.h"

namespace hubcell {

namespace fs = std::filesystem;

void Hub::download_url_to_file(const std::string& url, const std::string& path,
                               const std::string& hash_prefix) {
  const fs::path place = fs::absolute(path).lexically_normal();
  session_->fetch_file(
      {.url = url, .folder = place.parent_path(), .name = place.filename(), .hash_prefix = hash_prefix});
}

// A worker of its own for each file: what one does to its worker must not reach the next. It ends when the tensors
// are here; they lie in memory that outlives it.
Value Hub::load_state_dict_from_url(const std::string& url, StateDictOptions options) {
  const std::string name = options.file_name.empty() ? file_name_of(url) : options.file_name;
  const auto worker = session_->open_worker(client::find_libexec() + "/checkpoint_reader", true);
  session_->forget_worker(worker->id());  // nobody else is to get it
  const wire::FileFetched file =
      session_->fetch_file({.url = url,
                            .folder = options.folder,
                            .name = name,
                            .hash_prefix = options.check_hash ? hash_in_name(name) : "",
                            .keep = true,
                            .worker = worker->id()});
  channel::CallRequest request;
  request.verb = channel::Verb::Load;
  request.name = "read";
  request.arguments = {file.grant, name, std::move(options.map_location), options.weights_only};
  return worker->perform_with_hubconf(std::move(request), "read " + file.path);
}

}  // namespace hubcell
