# shellcheck shell=bash
# What ./frameflow and ./test share: find or install the outside tools. Sourced; needs $repo set. Everything said goes to stderr.

say() { printf 'frameflow: %s\n' "$*" >&2; }

# Exit code 4 says "the machine lacks something", as for a missing device.
lacking=4

have_library() {
  local folder
  for folder in /usr/lib/x86_64-linux-gnu /usr/lib/aarch64-linux-gnu /usr/lib64 /usr/lib /lib/x86_64-linux-gnu; do
    [[ -e $folder/$1 ]] && return 0
  done
  ldconfig -p 2>/dev/null | grep -q "$1"
}

# Installs ffmpeg and what OpenCV's bindings load (GTK, libatomic) where they are missing and apt-get may be used.
ensure_tools() {
  local -a missing=() as_root=()
  local what=""
  if ! command -v dotnet >/dev/null; then
    say "the .NET 10 SDK is missing; install it (package dotnet-sdk-10.0, or Microsoft's dotnet-install script) and run this again."
    exit $lacking
  fi
  command -v ffmpeg >/dev/null && command -v ffprobe >/dev/null || { missing+=(ffmpeg); what+=" ffmpeg (video in and out)"; }
  have_library libgtk-3.so.0 || { missing+=(libgtk-3-0); what+="${what:+,} libgtk-3-0 (OpenCV needs it)"; }
  have_library libatomic.so.1 || { missing+=(libatomic1); what+="${what:+,} libatomic1 (OpenCV needs it)"; }
  ((${#missing[@]})) || return 0

  local line="apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
  if ! command -v apt-get >/dev/null; then
    say "missing:$what; install with your package manager and run this again."
    exit $lacking
  elif [[ $(id -u) != 0 ]]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      as_root=(sudo -n)
    else
      say "missing:$what; run:  sudo sh -c '$line'"
      exit $lacking
    fi
  fi

  say "installing$what, once, by apt-get ..."
  local log
  log=$(mktemp)
  # Two launches at once must not fight over dpkg; what is there already when the lock is had is not installed again.
  if ! (
    flock 9
    install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "${missing[@]}")
    "${install[@]}" || { "${as_root[@]}" apt-get update && "${install[@]}"; }
  ) 9>"${TMPDIR:-/tmp}/frameflow-setup-$(id -u).lock" >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    say "apt-get failed (its last lines are above; all of it is in $log); mend it and run:  $line"
    exit $lacking
  fi
  rm -f "$log"
  say "installed."
}

# What some tests alone need: PostgreSQL's server, Chromium and playwright-core. Installed where that is allowed; elsewhere said, and those tests are
# skipped (tests/skips.txt).
ensure_test_tools() {
  local -a missing=()
  ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing+=(postgresql)
  [[ -e /usr/bin/chromium ]] || missing+=(chromium)
  command -v npm >/dev/null || missing+=(npm)
  local line="apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
  if ((${#missing[@]})); then
    if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
      say "installing ${missing[*]} for the tests, once, by apt-get ..."
      { DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "${missing[@]}" \
        || { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; }; } >/dev/null 2>&1 \
        || say "apt-get failed; tests that need ${missing[*]} are skipped. To mend it run:  $line"
    else
      say "tests that need ${missing[*]} are skipped; to have them run:  sudo sh -c '$line'"
    fi
  fi

  if command -v npm >/dev/null && [[ ! -d $repo/tests/browser/node_modules/playwright-core ]]; then
    (cd "$repo/tests/browser" && npm ci --no-audit --no-fund >/dev/null 2>&1) || say "playwright-core cannot be had; the browser test is skipped."
  fi
}

# WebGPU's tests: a Vulkan driver, or Mesa's software one unpacked under artifacts/ (Debian 12's own is too old for Dawn, so it is that of its backports; nothing is
# installed but libvulkan1, libllvm15 and the like), and the library that `frameflow devices install webgpu` fetches. Where either cannot be had it is said, and those tests are
# skipped (tests/skips.txt). Called when the tool is built.
ensure_webgpu() {
  [[ $(uname -sm) == "Linux x86_64" ]] || return 0
  local folder=$repo/artifacts/lavapipe tool=$repo/src/FrameFlow.Cli/bin/Debug/net10.0/FrameFlow.Cli.dll
  local library=${XDG_DATA_HOME:-$HOME/.local/share}/frameflow/webgpu
  if [[ -z ${VK_DRIVER_FILES:-} ]] && ! ls /usr/share/vulkan/icd.d/*.json /etc/vulkan/icd.d/*.json >/dev/null 2>&1; then
    [[ -e $folder/lvp.json ]] || fetch_lavapipe "$folder" >/dev/null 2>&1 || { say "software Vulkan cannot be had; tests of WebGPU are skipped."; return 0; }
    export VK_DRIVER_FILES=$folder/lvp.json
  fi

  if ! ls "$library"/libonnxruntime-*.so >/dev/null 2>&1; then
    export XDG_DATA_HOME=$repo/artifacts/data
    library=$XDG_DATA_HOME/frameflow/webgpu
    ls "$library"/libonnxruntime-*.so >/dev/null 2>&1 || dotnet "$tool" devices install webgpu --log-folder none >/dev/null 2>&1 || say "WebGPU's library cannot be had; its tests are skipped."
  fi
}

fetch_lavapipe() {
  local folder=$1 work mirror
  [[ $(id -u) == 0 && $(. /etc/os-release && echo "${VERSION_CODENAME:-}") == bookworm ]] && command -v apt-get || return 1
  work=$(mktemp -d)
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:?} bookworm-backports main" >"$work/sources.list"
  mkdir -p "$work/lists/partial" "$work/debs"
  local -a own=(-o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::Lists=$work/lists" -o APT::Sandbox::User=root)
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends libvulkan1 libllvm15 libdrm-amdgpu1 libdrm2 libelf1 libwayland-client0 libx11-xcb1 libxcb-dri3-0 libxcb-present0 libxcb-randr0 libxcb-shm0 libxcb-sync1 libxcb-xfixes0 libxshmfence1 \
    && apt-get "${own[@]}" update && (cd "$work/debs" && apt-get "${own[@]}" download mesa-vulkan-drivers) && dpkg -x "$work"/debs/mesa-vulkan-drivers_*.deb "$folder" \
    && printf '{"ICD":{"api_version":"1.4.305","library_path":"%s"},"file_format_version":"1.0.0"}\n' "$folder/usr/lib/x86_64-linux-gnu/libvulkan_lvp.so" >"$folder/lvp.json"
  local code=$?
  rm -rf "$work"
  return $code
}

quiet_dotnet() {
  export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1 DOTNET_GENERATE_ASPNET_CERTIFICATE=false
  export DOTNET_CLI_HOME=${DOTNET_CLI_HOME:-${HOME:-/tmp}} MSBUILDDISABLENODEREUSE=1
}

# The lock files are those of the Cpu flavour; where the Cuda one is built (Directory.Build.props) they may not be there yet.
locked_mode() {
  [[ -e /proc/driver/nvidia/version && ${OnnxRuntimeFlavor:-} != Cpu && ! -e $repo/src/FrameFlow/packages.cuda.lock.json ]] && echo false || echo true
}

# With an NVIDIA driver the build takes Microsoft.ML.OnnxRuntime.Gpu. Where that package cannot be had, the build must go on without it.
# (MSBuild reads the environment: what is exported here is its property.)
choose_flavor() {
  [[ -e /proc/driver/nvidia/version && -z ${OnnxRuntimeFlavor:-} ]] || return 0
  if dotnet restore "$repo/src/FrameFlow/FrameFlow.csproj" -v:quiet 2>&1 | grep -qE 'NU110[0-3].*Microsoft\.ML\.OnnxRuntime\.Gpu'; then
    say "Microsoft.ML.OnnxRuntime.Gpu cannot be had from this machine's package sources; building for the CPU."
    export OnnxRuntimeFlavor=Cpu
  fi
}
