#!/bin/sh
# Installs the Debian packages that the tests talk to, or says how where it may not.
set -eu
packages="mosquitto postgresql mpd mpv ffmpeg chromium chromium-driver python3-gi gir1.2-gst-rtsp-server-1.0"
packages="$packages gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly"
missing=
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ]; then
  sudo=
elif sudo -n true 2>/dev/null; then
  sudo="sudo -n"
else
  echo "the tests need Debian packages; install them with: sudo apt-get install$missing" >&2
  exit 1
fi
echo "installing for the tests:$missing" >&2
$sudo apt-get update -q
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -q --no-install-recommends $missing
