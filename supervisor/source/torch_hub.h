// Checkouts under torch.hub's names: <hub folder>/owner_name_ref.
//
// torch.hub gives one folder to repositories whose names differ (a_b/c and a/b_c); here only names are used that can be
// read in one way.
#pragma once

#include <optional>
#include <string>

namespace hubcell::source {

// Makes torch.hub's name of a checkout a link to ours, where nothing else has that name. What cannot be done is left.
void link_for_torch_hub(const std::string& cache_root, const std::string& repository, const std::string& ref,
                        const std::string& checkout);

// A folder of that name, filled by torch.hub or by hand; for the default branch main or master, as torch.hub looks for it.
std::optional<std::string> find_folder_of_torch_hub(const std::string& cache_root,
                                                    const std::string& repository,
                                                    const std::optional<std::string>& ref);

}  // namespace hubcell::source
