# shellcheck shell=bash disable=SC2154
# Sourced by the other scripts after prerequisites.sh: a private cluster in a
# directory of its own, with data, socket and log in it.
#
# Clients reach it through the socket alone, and nobody else's socket lies in that
# directory, so the usual port number clashes with nothing.  Nothing is kept safe
# from a crash of the machine: it is there to be thrown away.

if is_root; then cluster_user=postgres; else cluster_user=$(id -un); fi
export PGPORT=5432 PGUSER=postgres

# PostgreSQL refuses root; its tools want a working directory that they can enter
as_cluster_user() (
    cd /
    if is_root; then exec runuser -u "$cluster_user" -- "$@"; else exec "$@"; fi
)

cluster_is_running() {
    as_cluster_user "$pg_bin/pg_ctl" status -D "$1/data" >/dev/null 2>&1
}

# the path of a socket has about 100 bytes: a long one is moved to /tmp
make_socket_directory() {
    local dir=$1/socket
    if [ ${#dir} -gt 80 ] || [[ $dir == *[\'\,]* ]]; then
        as_cluster_user ln -s "$(as_cluster_user mktemp -d /tmp/flexexchange-socket.XXXXXX)" "$dir"
    else
        as_cluster_user mkdir -m 700 "$dir"
    fi
    # who can enter it is superuser there: the cluster's user, root, and who called sudo
    if is_root && [ -n "${SUDO_GID:-}" ]; then
        chgrp "$SUDO_GID" "$dir/."
        chmod 750 "$dir/."
    fi
    readlink -f "$dir"
}

# cluster_start DIR [SETTING...]: in an empty directory of cluster_user
cluster_start() {
    local dir=$1 socket
    shift
    socket=$(make_socket_directory "$dir")
    quietly initdb as_cluster_user "$pg_bin/initdb" -D "$dir/data" -U "$PGUSER" --auth=trust --encoding=UTF8 --locale=C --no-sync
    as_cluster_user tee -a "$dir/data/postgresql.conf" >/dev/null <<END
listen_addresses = ''
unix_socket_directories = '$socket'
port = $PGPORT
timezone = 'UTC'
fsync = off
full_page_writes = off
synchronous_commit = off
shared_buffers = 128MB
max_wal_size = 2GB
$(printf '%s\n' "$@")
END
    quietly server as_cluster_user "$pg_bin/pg_ctl" start -w -D "$dir/data" -l "$dir/log"
}

# cluster_stop DIR: by the pid in its own data directory, and no other
cluster_stop() {
    ! cluster_is_running "$1" || quietly server as_cluster_user "$pg_bin/pg_ctl" stop -w -m fast -D "$1/data"
}

# cluster_remove DIR: with its socket
cluster_remove() {
    case $(readlink "$1/socket" || true) in
    /tmp/flexexchange-socket.*) rm -rf "$(readlink "$1/socket")" ;;
    esac
    rm -rf "$1"
}
