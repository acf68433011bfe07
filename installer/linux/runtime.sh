#!/bin/sh
# The start of every AppImage, built from its own sources at one commit each, so that nothing is fetched that is not known:
#
#     installer/linux/runtime.sh FILE
#
# Needs git, gcc, make, autoconf, automake, libtool, pkg-config, libfuse3-dev, libzstd-dev and zlib1g-dev. Where a mirror of
# the repositories is nearer, AIHUB_GIT names what stands before their names.
set -eu
into=$(realpath -m "$1")
from=${AIHUB_GIT:-https://github.com}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fetch() { # REPOSITORY COMMIT FOLDER
    git clone --quiet --no-checkout "$from/$1" "$work/$3"
    git -C "$work/$3" checkout --quiet --detach "$2"
}
fetch vasi/squashfuse a325260e0247dfc5cb2024748e5f99bbc3921089 squashfuse # 0.5.1
fetch AppImage/type2-runtime caf24f9f712084686bfc24a70b75e50df0aefb9c runtime

cd "$work/squashfuse"
./autogen.sh >/dev/null 2>&1
./configure --quiet --prefix="$work/made" --enable-static --disable-shared --disable-demo --disable-high-level \
    --without-lzo --without-lz4 --without-xz
make --silent -j"$(nproc)" install >/dev/null
cp fuseprivate.h config.h "$work/made/include/squashfuse/"

cd "$work/runtime/src/runtime"
gcc -std=gnu99 -Os -D_FILE_OFFSET_BITS=64 -DGIT_COMMIT='"caf24f9"' -T data_sections.ld -ffunction-sections -fdata-sections \
    -Wl,--gc-sections -static -w -I"$work/made/include" -I"$work/made/include/squashfuse" -I/usr/include/fuse3 \
    runtime.c "$work/made/lib/libsquashfuse_ll.a" "$work/made/lib/libsquashfuse.a" -lfuse3 -lzstd -lz -lpthread -ldl -o runtime
strip runtime
# By these three bytes a desktop knows the second kind of AppImage.
printf 'AI\002' | dd of=runtime bs=1 seek=8 conv=notrunc status=none
mkdir -p "$(dirname "$into")"
cp runtime "$into"
