#!/bin/sh
# Makes recordings/: two sentences of espeak-ng between stretches of faint noise, in every format that is decoded.
# Needs espeak-ng, sox with libsox-fmt-all, opus-tools (Debian packages of these names).
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
mkdir -p recordings
espeak-ng -v en-gb -s 150 -w "$work/one.wav" 'The quick brown fox jumps over the lazy dog.'
espeak-ng -v en-us+f3 -s 160 -w "$work/two.wav" 'Please leave a message after the tone.'
for name in one two; do sox "$work/$name.wav" -r 16000 -c 1 "$work/$name-16k.wav" gain -n -9; done
sox -n -r 16000 -c 1 "$work/pause.wav" synth 1.2 whitenoise gain -60
sox "$work/pause.wav" "$work/one-16k.wav" "$work/pause.wav" "$work/two-16k.wav" "$work/pause.wav" \
  -R -b 16 recordings/message.wav
sox recordings/message.wav -R -r 24000 -c 2 -b 24 recordings/message-24000-stereo.flac
sox recordings/message.wav -R -r 22050 -C 48 recordings/message-22050.mp3
sox recordings/message.wav -R -r 48000 -C 2 recordings/message-48000.ogg
sox recordings/message.wav -R -r 8000 -e a-law recordings/message-8000-alaw.wav
opusenc --quiet --bitrate 24 recordings/message.wav recordings/message.opus
