// Compiled in every project that uses an installed hubcell: a tree can be moved after it was installed, and the library
// in it cannot know where to; the project that finds the tree does.

namespace hubcell::client {

const char* installed_libexec();

const char* installed_libexec() {
  return HUBCELL_INSTALLED_LIBEXEC;
}

}  // namespace hubcell::client
