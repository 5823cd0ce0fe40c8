# Shared by the scripts that build Rust guests: a cargo that can build for wasm32-unknown-unknown. Sourced, not run.

cache=${XDG_CACHE_HOME:-$HOME/.cache}/flowcell
toolchain=$cache/wasm-toolchain

# A rustup toolchain with the target builds directly. Else Debian's rustc-web and its sources, unpacked beside the system's.
debian_packages=(
  rustc-web cargo-web rust-web-src libstd-rust-web-dev rust-web-llvm lld-22 libllvm22
  libgit2-1.5 libmbedtls14 libmbedx509-1 libmbedcrypto7 libhttp-parser2.9 libssh2-1
)

unpack_debian_toolchain() {
  if [[ -e $toolchain/complete ]]; then return; fi
  local script
  script=$(basename "$0")
  if ! command -v apt-get >/dev/null; then
    echo "$script: no wasm32-unknown-unknown target: run 'rustup target add wasm32-unknown-unknown'" >&2
    exit 1
  fi
  echo "$script: unpacking Debian's Wasm toolchain into $toolchain"
  rm -rf "$toolchain"
  mkdir -p "$toolchain/debs" "$toolchain/root"
  local sudo=
  if [[ $EUID -ne 0 ]]; then sudo=sudo; fi
  $sudo apt-get update -q
  # The versioned std package is named by the -dev package.
  local std
  std=$(apt-cache depends libstd-rust-web-dev | sed -n 's/^ *Depends: \(libstd-rust-web-[0-9.]*\)$/\1/p' | head -n1)
  (cd "$toolchain/debs" && apt-get download -q "${debian_packages[@]}" "$std")
  local deb
  for deb in "$toolchain"/debs/*.deb; do dpkg -x "$deb" "$toolchain/root"; done
  rm -rf "$toolchain/debs"
  touch "$toolchain/complete"
}

# Whether rustup's own toolchain has the target.
rustup_has_wasm() {
  command -v rustup >/dev/null && rustup target list --installed 2>/dev/null | grep -qx wasm32-unknown-unknown
}

# What cargo does for the Wasm target in the current folder: wasm_cargo build --release --locked
wasm_cargo() {
  # For build-std, and for what else is not stable yet.
  export RUSTC_BOOTSTRAP=1
  # The caller's wrapper (scripts/test lints with one) belongs to another compiler, and would name that one's sources.
  unset RUSTC_WORKSPACE_WRAPPER
  if rustup_has_wasm; then
    cargo "$@" --target wasm32-unknown-unknown
  else
    unpack_debian_toolchain
    local usr=$toolchain/root/usr
    LD_LIBRARY_PATH=$usr/lib/x86_64-linux-gnu RUSTC=$usr/bin/rustc \
      CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$usr/bin/wasm-ld-22 \
      "$usr/bin/cargo" "$@" --target wasm32-unknown-unknown -Zbuild-std=std,panic_abort
  fi
}

# What wasm_cargo builds with, on one line: two that say the same give the same bytes.
wasm_toolchain() {
  local usr=$toolchain/root/usr
  if rustup_has_wasm; then
    echo "$(rustc --version), $(rustc --version --verbose | grep '^LLVM'), the std and the linker of rustup"
  else
    unpack_debian_toolchain >&2
    (
      export LD_LIBRARY_PATH=$usr/lib/x86_64-linux-gnu
      echo "$("$usr/bin/rustc" --version), $("$usr/bin/rustc" --version --verbose | grep '^LLVM'), std built with it, $("$usr/bin/wasm-ld-22" --version)"
    )
  fi
}
