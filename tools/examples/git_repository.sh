# Makes bare git repositories whose commits depend on their content only. Sourced by make_*_repository.
# shellcheck shell=bash

# So that no one's settings, hooks or signing keys take part.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_CONFIG_NOSYSTEM=1
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_CEILING_DIRECTORIES

# make_bare_repository REPOSITORY BRANCH
make_bare_repository() {
  git init --quiet --template= --bare --initial-branch="$2" "$1"
}

# commit_folder REPOSITORY FOLDER BRANCH DATE MESSAGE: the folder's files, all of them, as the next commit of a branch.
commit_folder() {
  local repository=$1 folder=$2 branch=$3 date=$4 message=$5 tree commit parent=()
  local git=(git --git-dir="$repository" --work-tree="$folder" -c core.fileMode=true -c core.autocrlf=false)
  export GIT_INDEX_FILE=$repository/index.new
  "${git[@]}" add --all --force .
  tree=$("${git[@]}" write-tree)
  rm -f "$GIT_INDEX_FILE"
  unset GIT_INDEX_FILE
  if "${git[@]}" rev-parse --quiet --verify "refs/heads/$branch" >/dev/null; then
    parent=(-p "refs/heads/$branch")
  fi
  commit=$(GIT_AUTHOR_NAME=hubcell GIT_AUTHOR_EMAIL=hubcell@localhost GIT_AUTHOR_DATE="$date" \
    GIT_COMMITTER_NAME=hubcell GIT_COMMITTER_EMAIL=hubcell@localhost GIT_COMMITTER_DATE="$date" \
    "${git[@]}" commit-tree "${parent[@]}" -m "$message" "$tree")
  "${git[@]}" update-ref "refs/heads/$branch" "$commit"
}

# tag_branch REPOSITORY BRANCH TAG
tag_branch() {
  git --git-dir="$1" update-ref "refs/tags/$3" "refs/heads/$2"
}

# put_in_place MADE FINAL: by rename; another who was quicker made the same.
put_in_place() {
  mkdir -p "$(dirname "$2")"
  mv -T "$1" "$2" 2>/dev/null || [ -d "$2" ]
}
