# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by vm-env.sh and vm-trixie-env.sh behind packages.sh: from a Debian kernel to what tests/vm/run.py boots, DIR/kernel
# and DIR/initrd. KERNEL_FILES: the modules that are unpacked, an extended expression over their paths.
KERNEL=linux-image-amd64 # not the cloud one: that has no input devices

# Where the kernel comes from: alone, without what it asks for, tools that write boot loaders.
planned_kernel() {
	local kernel
	kernel=$(apt_private apt-cache depends "$KERNEL" 2>/dev/null | awk '/Depends: linux-image-[0-9]/ { print $2; exit }')
	[ -n "$kernel" ] || return 1
	apt_private apt-get --print-uris -qq download "$kernel" 2>/dev/null
}

# unpack_kernel_package FILE: into DIR/root; of 400 MB of modules a few folders are needed
unpack_kernel_package() {
	dpkg --fsys-tarfile "$1" | tar -t |
		grep -E "/boot/vmlinuz-|/modules/[^/]*/modules\.|/kernel/($KERNEL_FILES)" >"$DIR/kernel-files"
	dpkg --fsys-tarfile "$1" | tar -x -C "$DIR/root" --no-recursion -T "$DIR/kernel-files"
}

# unpack_kernel IMAGE OUT: the kernel itself out of its compressed image, by the fields of the x86 boot protocol. An
# emulated processor needs 5 s to unpack it, so this halves the time to boot; what cannot be read is booted as it is.
unpack_kernel() {
	local setup offset length
	field() { od -An -t "u$3" -j "$2" -N "$3" "$1" | tr -d ' '; }
	setup=$(field "$1" $((0x1f1)) 1)
	offset=$(field "$1" $((0x248)) 4)
	length=$(field "$1" $((0x24c)) 4)
	# The payload ends with its unpacked size, 4 bytes that no unpacker knows.
	tail -c +$(((setup + 1) * 512 + offset + 1)) "$1" | head -c $((length - 4)) >"$2.packed" || true
	if ! { xz -dc "$2.packed" || zstd -qdc "$2.packed" || gzip -dc "$2.packed"; } >"$2" 2>/dev/null; then
		cp "$1" "$2"
	fi
	rm "$2.packed"
}

# load NAME: adds it to the list, behind what it needs. In names of modules - and _ are alike.
load() {
	local pattern=${1//[-_]/[-_]} file name need
	file=$(find "$TREE/kernel" -name "$pattern.ko*" | head -1)
	if [ -z "$file" ]; then
		grep -q "/$pattern\.ko" "$TREE/modules.builtin" && return
		echo "the kernel $RELEASE has no module $1" >&2
		exit 1
	fi
	name=${file##*/}
	name=${name%%.ko*}
	[ ! -e "modules/$name.ko" ] || return 0
	case $file in
	*.xz) xz -dc "$file" ;;
	*.zst) zstd -qdc "$file" ;;
	*) cat "$file" ;;
	esac >"modules/$name.ko"
	for need in $(tr '\0' '\n' <"modules/$name.ko" | sed -n 's/^depends=//p' | tr ',' ' '); do
		load "$need"
	done
	echo "$name" >>modules/order
}

# make_machine BUSYBOX MODULE...: of the one kernel in DIR/root. The initial RAM disk: busybox, init.sh as /init, and the
# modules in the order they are to be loaded; what the kernel has built in is passed over. $RELEASE is the kernel's.
make_machine() {
	local busybox=$1 m
	shift
	RELEASE=$(basename "$(ls -d "$DIR"/root/lib/modules/* "$DIR"/root/usr/lib/modules/* 2>/dev/null | head -1)")
	TREE=$(dirname "$(find "$DIR/root" -path "*/modules/$RELEASE/kernel" -type d)")
	unpack_kernel "$(find "$DIR/root/boot" -name "vmlinuz-$RELEASE")" "$DIR/kernel"
	cd "$DIR/initramfs"
	mkdir -p bin dev proc sys lower upper root modules
	cp "$busybox" bin/busybox
	install -m 755 "$HERE/tests/vm/init.sh" init
	for m in "$@"; do
		load "$m"
	done
	find . | "$busybox" cpio -o -H newc 2>/dev/null | gzip -1 >"$DIR/initrd"
}
