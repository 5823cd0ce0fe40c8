# Shared by the scripts: installs what they need. Sourced, not run.

# Runs a command as root: as it is, or through sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# Installs Debian packages that are missing: need COMMAND PACKAGE...
need() {
    local command=$1
    shift
    command -v "$command" >/dev/null 2>&1 && return
    echo "installing $*" >&2
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

# Rust is the one thing that is expected to be there.
need_rust() {
    [ -f "$HOME/.cargo/env" ] && . "$HOME/.cargo/env"
    if ! command -v cargo >/dev/null 2>&1; then
        echo "cargo is missing: install Rust 1.95 or newer from https://rustup.rs and run this again" >&2
        exit 2
    fi
    # TLS for `flowcell send` has some C in it.
    need cc build-essential
}
