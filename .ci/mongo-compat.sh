# Sourced by prepare and run: which server stands in for MongoDB, and where it is installed.
# shellcheck shell=bash disable=SC2034

readonly mongo_compat_version=4.11.0
readonly mongo_compat=${XDG_CACHE_HOME:-${HOME:?}/.cache}/orch-ci/mongo-compat-$mongo_compat_version

# Whoever names a server, or a command that starts one, needs no other.
mongo_compat_is_needed() {
  [[ -z ${ORCH_TEST_MONGODB_URI:-}${ORCH_TEST_MONGODB_COMMAND:-} ]]
}
