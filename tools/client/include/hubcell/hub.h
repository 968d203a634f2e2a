// hubcell for C++: load models of other people's repositories, each in a sandboxed process of its own.
//
//     hubcell::Hub hub({.python = "/usr/bin/python3", .seed = 0});
//     hubcell::Object net = hub.load("owner/name@ref", "mnist", {}, {{"pretrained", false}});
//     hubcell::Value y = net.call("forward", {x});
//
// Everything throws hubcell::Error. All classes may be used from any number of threads at once.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <hubcell/history.h>
#include <hubcell/object.h>
#include <hubcell/options.h>

namespace hubcell {

// A tensor that the worker makes with torch, after `seed` if there is one: "rand:1x512", "randn:…",
// "zeros:…", "ones:…", "arange:N"; or the content of a file: .npy, .npz, .pt, .png, .jpg (1x3xHxW float
// 0..1), .wav (mono float).
struct InputSpec {
  std::string spec;
  std::string content = {};  // of a file; `spec` is then its name
};

// Something in the cache.
struct CacheEntry {
  std::string kind;  // "checkout", "mirror", "file" (that workers had fetched), "checkpoint" (torch.hub's)
  std::string name;  // URL of the repository or of the file
  std::string refs = {};    // of a checkout: what led to it, with commas
  std::string commit = {};  // of a checkout; of a file its sha256
  std::string path;
  std::uint64_t bytes = 0;
  std::int64_t last_use = 0;   // in seconds since the epoch
  std::string complaint = {};  // what is wrong with it
};

// What foreign code did beyond its own files, as its worker tells it.
struct Observation {
  std::string
      kind;  // "read", "write" (files), "start" (programs), "connect", "fetch" (URLs), "load" (repositories)
  std::string what;
  std::string refusal = {};  // why it was refused; empty where it was not
  std::string host = {};     // of "fetch": what HubOptions::allow_net would name, if it can
};

// Of Hub::load_state_dict_from_url.
struct StateDictOptions {
  std::string folder = {};     // a full path; empty: checkpoints, in the hub folder
  std::string file_name = {};  // empty: the last part of the URL's path
  bool check_hash = false;     // the name says how the sha256 begins: "resnet18-f37072fd.pth"
  Value map_location = {};     // torch.load's
  bool weights_only = false;   // torch.load's
};

// A session: a private supervisor, which ends when the Hub and the last Object are gone, and the options of its workers.
class Hub {
 public:
  explicit Hub(HubOptions options = {});
  ~Hub();
  Hub(Hub&&) noexcept;
  Hub& operator=(Hub&&) noexcept;

  // Another Hub, with options of its own, of the same supervisor: interpreters that both use are started once, and equal weights are in
  // memory once. Each has workers of its own, also of one repository and ref.
  Hub beside(HubOptions options) const;

  // What the entrypoint returned: convert to Object where it is one model. Entrypoints run with gradients
  // enabled, as torch.hub's do by default.
  Value load(const std::string& repository, const std::string& entry, Arguments arguments = {},
             Keywords keywords = {}, CallOptions options = {.grad = true});
  // Opens the repository's worker, which may take as long as a fetch, and starts the load in it.
  Future load_async(const std::string& repository, const std::string& entry, Arguments arguments = {},
                    Keywords keywords = {}, CallOptions options = {.grad = true});
  // Names of the entrypoints.
  std::vector<std::string> list(const std::string& repository);
  // Docstring and signature of "entry" or "entry.method"; hubconf's own docstring for an empty name.
  std::string help(const std::string& repository, const std::string& entry = {});
  // The docstring of an entrypoint as it stands there, if it has one: what torch.hub.help gives.
  std::optional<std::string> docstring(const std::string& repository, const std::string& entry);
  // The packages that hubconf.py says it needs.
  std::vector<std::string> dependencies(const std::string& repository);
  // Makes inputs in the repository's worker, one value each: a tensor, or what a .pt or .npz file holds.
  std::vector<Value> make_inputs(const std::string& repository, const std::vector<InputSpec>& specs,
                                 std::optional<std::uint64_t> seed = std::nullopt);
  // Opens the repository's worker if need be, and says what it is.
  ModelInfo info(const std::string& repository);
  // What the repository's worker has noted so far, under HubOptions::observe; else Error(Usage).
  std::vector<Observation> observed(const std::string& repository);
  // torch.hub's force_reload: looks up again what the repository's ref means and opens a new worker for it, whose loads fetch
  // again what they download. What was loaded before stays as it is.
  ModelInfo reload(const std::string& repository);

  // What lies between two names of one repository, each with its ref: as loads of them would find them now. Throws Error(Usage) on two
  // repositories, and on folders as they are (./folder), which have no history; Error(Source) where there is no such ref.
  History history(const std::string& repository_a, const std::string& repository_b);
  // What one commit changed: the history from its first parent to it. One that has no parent has added all of its files.
  History changes(const std::string& repository);

  // Writes what is behind `url` (http, https, file) to `path`, whole or not at all, in the place of what is there. Its sha256
  // must begin with `hash_prefix`. Its rights are 0644 less the umask.
  void download_url_to_file(const std::string& url, const std::string& path,
                            const std::string& hash_prefix = {});
  // What the cache has: all of it, or of one repository (with or without a ref) or file (its URL). `verify`: whether each is
  // still what was fetched.
  std::vector<CacheEntry> cached(const std::string& what = {}, bool verify = false);
  // Removes it, and returns what was removed. Models of it that are loaded may need what is gone.
  std::vector<CacheEntry> remove_cached(const std::string& what);
  // Where the cache lies: <hub folder>/hubcell.
  std::string cache_folder();

  // What torch.save wrote into the file behind `url`, which is kept in `folder` and downloaded if it is not there. It is
  // unpickled in a sandboxed worker of its own: nothing of it runs here.
  Value load_state_dict_from_url(const std::string& url, StateDictOptions options = {});

  const HubOptions& options() const;

  // Ends the workers, and the calls in flight with them: objects that are left name nothing any more.
  void close();
  // In a child that the program forked: lets go of the parent's session without touching it. Whatever uses it
  // later, objects too, is told Error(Usage).
  void abandon();

  // What `hubcell doctor` shows.
  struct Layer {
    std::string name;
    bool holds;
    bool needed;  // by every sandbox
    std::string detail;
  };
  struct Diagnosis {
    std::string python_path, python, torch;
    std::vector<Layer> layers;
  };
  Diagnosis diagnose();

 private:
  explicit Hub(std::shared_ptr<client::Session> session);
  std::unique_ptr<client::PendingCall> begin_load(const std::string& repository, const std::string& entry,
                                                  Arguments arguments, Keywords keywords,
                                                  CallOptions options);

  std::shared_ptr<client::Session> session_;
};

// The version of hubcell: "0.1.0".
const char* version();

}  // namespace hubcell
