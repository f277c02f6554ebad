#!/usr/bin/env bats
# The node image of each architecture boots in QEMU, by its firmware from a stick and by iPXE, reads its settings and joins its
# cluster. FULL=1; NODE_ARCHS="arm64 riscv64": those.
bats_require_minimum_version 1.5.0

TOP=$BATS_TEST_DIRNAME/../..
UP='node: node1 is ready: 192.168.122.15/24 on '

setup() {
	THIRD=$TOP/build/third_party
}

# image ARCH: enters its folder, which the first test that needs it makes
image() {
	[ -n "${FULL:-}" ] || skip "kernels with the drivers of real machines are 200 MB: FULL=1, or make soak"
	[[ " ${NODE_ARCHS:-$1} " == *" $1 "* ]] || skip "not in NODE_ARCHS"
	export MAKEFLAGS=
	make -s -C "$TOP" ARCH="$1" all
	[ -e "$BATS_FILE_TMPDIR/$1/run" ] || "$TOP/initramfs/node-image" "$BATS_FILE_TMPDIR/$1" "$1"
	cd "$BATS_FILE_TMPDIR/$1"
}

# node COMMAND: in the image's shell, with the functions of its program `node`; their folders are in the test's own
node() {
	sed '/^name=/,$d' "$TOP/initramfs/node" >"$BATS_TEST_TMPDIR/functions"
	"$THIRD/busybox-static/bin/busybox" sh -c '. "$1/functions"; etc=$1 dev=$1; eval "$2"' node "$BATS_TEST_TMPDIR" "$1"
}

# says WORDS COMMAND...: the console says them before the machine ends or ten minutes are over
says() {
	local console=$BATS_TEST_TMPDIR/console machine status=0

	"${@:2}" </dev/null >"$console" 2>&1 3>&- &
	machine=$!
	timeout 600 sh -c 'until grep -aq -e "$1" "$2"; do kill -0 "$3" && sleep 0.2 || exit 1; done' await "$1" "$console" $machine || status=$?
	kill $machine
	wait $machine || true
	[ $status = 0 ] || tail -n 30 "$console"
	return $status
}

# machine EMULATOR OPTION...: one with this folder as its stick; nothing is loaded for it. It takes the shell's place, so that who kills that has killed it
machine() {
	exec "qemu-system-$1" -accel tcg -m 1024 -nographic -no-reboot -netdev user,id=wire,tftp=.,bootfile=boot.ipxe \
		-drive file=fat:.,format=raw,if=none,id=stick,readonly=on "${@:2}"
}

# flash ARCH CODE VARIABLES: options of a firmware with a memory of its own
flash() {
	cp "$3" "$BATS_TEST_TMPDIR/variables"
	firmware=(-drive "if=pflash,format=raw,readonly=on,file=$2" -drive "if=pflash,format=raw,file=$BATS_TEST_TMPDIR/variables")
}

# by_kernel EMULATOR PARAMETERS OPTION...: a machine whose kernel QEMU loads; its disks and cards are the options'
by_kernel() {
	exec "qemu-system-$1" -accel tcg -m 1024 -nographic -no-reboot -kernel vmlinuz -initrd initramfs.img -append "$2 quiet panic=-1" "${@:3}"
}

# card: makes one of 256 MB, as an SD card's size has to be a power of two, with node.txt alone
card() {
	"$TOP/third_party/unpack" mtools
	card=$BATS_TEST_TMPDIR/card
	truncate -s 256M "$card"
	"$THIRD/mtools/usr/bin/mformat" -i "$card" -F ::
	"$THIRD/mtools/usr/bin/mcopy" -i "$card" node.txt ::
}

# pc DISK CARD: a PC with that disk and that network card, options without their drive and net
pc() {
	by_kernel x86_64 'console=ttyS0 no_timer_check' -cpu max -drive "file=$card,format=raw,if=none,id=disk,snapshot=on" -netdev user,id=wire \
		-device ahci,id=sata -device sdhci-pci -device qemu-xhci -device "$1,drive=disk" -device "$2,netdev=wire"
}

# board EMULATOR NAME CONSOLE OPTION...: with the card
board() {
	by_kernel "$1" "console=$3" -M "$2" -drive "file=$card,format=raw,if=sd,snapshot=on" "${@:4}"
}

# tree KERNEL NAME: the board's device tree in the kernel's package
tree() {
	find "$THIRD/$1/usr/lib" -name "$2.dtb"
}

@test "QEMU, amd64: the settings are read from the stick, the gateway answers, and the node is up" {
	image amd64
	says "$UP" ./run
	run ! grep -a 'does not answer' "$BATS_TEST_TMPDIR/console"
}
# joined NAME ADDRESS OTHER: a folder of this image whose second card is that node's, with the other's address as its gateway
joined() {
	mkdir "$BATS_TEST_TMPDIR/$1"
	cp -al ./* "$BATS_TEST_TMPDIR/$1"
	rm "$BATS_TEST_TMPDIR/$1/node.txt"
	sed "s/^name .*/name $1/; s,^address .*,address $2/24,; s/^gateway .*/gateway $3/; s/^interface.*/interface eth1/" node.txt >"$BATS_TEST_TMPDIR/$1/node.txt"
}

@test "QEMU: two of them on one wire find each other" {
	local second swapped other

	image amd64
	joined master 192.168.122.14 192.168.122.15
	joined node1 192.168.122.15 192.168.122.14
	read -ra second < <(grep -o -e '-netdev dgram[^`]*' "$TOP/README.md")
	swapped=("${second[@]/7001/port}")
	swapped=("${swapped[@]/7002/7001}")
	swapped=("${swapped[@]/port=port/port=7002}")
	swapped=("${swapped[@]/mac=02:00:00:00:00:01/mac=02:00:00:00:00:02}")
	"$BATS_TEST_TMPDIR/master/run" "${second[@]}" </dev/null >"$BATS_TEST_TMPDIR/other" 2>&1 3>&- &
	other=$!
	says "$UP"eth1 "$BATS_TEST_TMPDIR/node1/run" "${swapped[@]}"
	until grep -a 'node: master is ready: 192.168.122.14/24 on eth1' "$BATS_TEST_TMPDIR/other"; do
		kill -0 $other
		sleep 0.2
	done
	kill $other
	run ! grep -a 'does not answer' "$BATS_TEST_TMPDIR/console"
}

@test "QEMU, arm64" { image arm64; says "$UP" ./run; }
@test "QEMU, armhf" { image armhf; says "$UP" ./run; }
@test "QEMU, riscv64" { image riscv64; says "$UP" ./run; }
@test "QEMU, s390x" { image s390x; says "$UP" ./run; }

@test "EFI, amd64: the firmware finds its program on the stick" {
	image amd64
	"$TOP/third_party/unpack" ovmf
	flash amd64 "$THIRD/ovmf/usr/share/OVMF/OVMF_CODE_4M.fd" "$THIRD/ovmf/usr/share/OVMF/OVMF_VARS_4M.fd"
	says "$UP" machine x86_64 -cpu max "${firmware[@]}" -device virtio-blk-pci,drive=stick -device virtio-net-pci,netdev=wire,romfile=
}

@test "EFI, arm64: the firmware finds its program on the stick" {
	image arm64
	"$TOP/third_party/unpack" qemu-efi-aarch64
	flash arm64 "$THIRD"/qemu-efi-aarch64/usr/share/AAVMF/AAVMF_{CODE,VARS}.fd
	says "$UP" machine aarch64 -M virt -cpu cortex-a57 "${firmware[@]}" -device virtio-blk-pci,drive=stick \
		-device virtio-net-pci,netdev=wire,romfile=
}

# A machine without a disk: kernel, image and settings come over the wire.
@test "iPXE, amd64: boot.ipxe brings all of it" {
	image amd64
	"$TOP/third_party/unpack" ipxe-qemu
	sed -i '/^kernel/s/$/ no_timer_check/' boot.ipxe # a busy host is late
	says "$UP" machine x86_64 -cpu max -device "e1000,netdev=wire,bootindex=1,romfile=$THIRD/ipxe-qemu/usr/lib/ipxe/qemu/pxe-e1000.rom"
}

# uboot EMULATOR BOARD OPTION...: the boot loader that the options name, and the stick
uboot() {
	says "$UP" machine "$1" -M "$2" "${@:3}" -device virtio-blk-pci,drive=stick -device virtio-net-pci,netdev=wire,romfile=
}

@test "U-Boot: extlinux.conf on the stick: arm64" {
	image arm64
	"$TOP/third_party/unpack" u-boot-qemu
	uboot aarch64 virt -cpu cortex-a57 -bios "$THIRD/u-boot-qemu/usr/lib/u-boot/qemu_arm64/u-boot.bin"
}

@test "U-Boot: armhf" {
	image armhf
	"$TOP/third_party/unpack" u-boot-qemu
	uboot arm virt,highmem=off -cpu cortex-a15 -bios "$THIRD/u-boot-qemu/usr/lib/u-boot/qemu_arm/u-boot.bin"
}

@test "U-Boot: riscv64" {
	image riscv64
	"$TOP/third_party/unpack" u-boot-qemu
	uboot riscv64 virt -kernel "$THIRD/u-boot-qemu/usr/lib/u-boot/qemu-riscv64_smode/uboot.elf"
}

@test "USB stick, amd64: EFI finds its program, and the kernel the settings, though the stick takes seconds" {
	image amd64
	"$TOP/third_party/unpack" ovmf
	flash amd64 "$THIRD/ovmf/usr/share/OVMF/OVMF_CODE_4M.fd" "$THIRD/ovmf/usr/share/OVMF/OVMF_VARS_4M.fd"
	says "$UP" machine x86_64 -cpu max "${firmware[@]}" -device qemu-xhci -device usb-storage,drive=stick -device e1000e,netdev=wire,romfile=
}

@test "USB stick with a GPT, amd64: FAT32 on its second partition" {
	local stick=$BATS_TEST_TMPDIR/stick at

	image amd64
	"$TOP/third_party/need" node-test
	"$TOP/third_party/unpack" ovmf
	"$TOP/third_party/unpack" mtools
	truncate -s 512M "$stick"
	printf 'label: gpt\nsize=8M, type=linux\ntype=uefi\n' | sfdisk --quiet "$stick"
	at=$stick@@$(sfdisk --json "$stick" | jq '.partitiontable.partitions[1].start * 512')
	"$THIRD/mtools/usr/bin/mformat" -i "$at" -F -T $((500 * 2048)) ::
	"$THIRD/mtools/usr/bin/mcopy" -s -i "$at" ./* ::
	flash amd64 "$THIRD/ovmf/usr/share/OVMF/OVMF_CODE_4M.fd" "$THIRD/ovmf/usr/share/OVMF/OVMF_VARS_4M.fd"
	says "$UP" qemu-system-x86_64 -accel tcg -m 1024 -nographic -no-reboot -cpu max "${firmware[@]}" -device qemu-xhci \
		-drive "file=$stick,format=raw,if=none,id=stick,snapshot=on" -device usb-storage,drive=stick -nic user,model=e1000e
}

@test "PC: disks and network cards of further kinds have their drivers" {
	image amd64
	card
	says "$UP" pc ide-hd,bus=sata.0 rtl8139
	says "$UP" pc nvme,serial=1 vmxnet3
	says "$UP" pc sd-card i82559c
	says "$UP" pc usb-storage usb-net
}

@test "Raspberry Pi 3 B, arm64: settings on its card, network on USB" {
	image arm64
	card
	says "$UP" board aarch64 raspi3b ttyAMA0,115200 -dtb "$(tree linux-image-arm64.arm64.bookworm bcm2837-rpi-3-b)" \
		-netdev user,id=wire -device usb-net,netdev=wire
}

@test "Orange Pi PC, armhf: settings on its card, its own network" {
	image armhf
	card
	says "$UP" board arm orangepi-pc ttyS0,115200 -dtb "$(tree linux-image-armmp-lpae.armhf.bookworm sun8i-h3-orangepi-pc)" -nic user
}

@test "SiFive Unleashed, riscv64: settings on its card, its own network" {
	image riscv64
	card
	says "$UP" board riscv64 sifive_u ttySIF0 -smp 2 -nic user
}

@test "settings that cannot be followed are said" {
	image amd64
	sed -i 's/^name/nmae/' node.txt
	says "node.txt: unknown setting 'nmae'" ./run
	sed -i 's/^nmae/name/' node.txt
}

@test "settings with a byte order mark and Windows' line ends are read" {
	printf '\357\273\277name node1\r\naddress 192.168.122.15/24\r\ninterface\r\n\r\n# end\r\ncluster\r\n{\r\n "nodes": [{"name": "\303\277"}]\r\n}\r\n' \
		>"$BATS_TEST_TMPDIR/node.txt"
	[ "$(node 'settings_read; echo "$name,$addresses,$interface."')" = "node1, 192.168.122.15/24,." ]
	printf '\n\n\n\n\n\n{\n "nodes": [{"name": "\303\277"}]\n}\n' | cmp - "$BATS_TEST_TMPDIR/cluster.json"
}

# refused SETTINGS: what is said of them
refused() {
	printf %b "$1" >"$BATS_TEST_TMPDIR/node.txt"
	rm -f "$BATS_TEST_TMPDIR/cluster.json"
	node 'settings_read; ! settings_check'
}

@test "a setting that is missing or refused is said with its key and value" {
	[ "$(refused 'address 192.168.122.15/24\ncluster\n{}\n')" = "node: node.txt: name '': a node needs one" ]
	[ "$(refused 'name node1\ncluster\n{}\n')" = "node: node.txt: address '': ADDRESS/LENGTH is needed, as 192.168.122.15/24" ]
	[ "$(refused 'name node1\naddress 192.168.122.15\ncluster\n{}\n')" = \
		"node: node.txt: address '192.168.122.15': ADDRESS/LENGTH is needed, as 192.168.122.15/24" ]
	[ "$(refused 'name node1\naddress 192.168.122.15/24\n')" = "node: node.txt: cluster '': the cluster file has to follow it" ]
	[ "$(node '! follow gateway 192.0.2.1 sh -c "echo no way there; exit 1"')" = "node: node.txt: gateway '192.0.2.1': no way there" ]
}

# gateway COMMAND: what is said of 192.0.2.1, behind whose cable nobody is, after that command of the node's shell
gateway() {
	export TOP THIRD BATS_TEST_TMPDIR
	export -f node
	unshare --net bash -ec 'ip link add w0 type veth peer name w1; ip addr add 192.0.2.15/24 dev w0; ip link set w0 up; ip link set w1 up
		node "$0; interface=w0; gateway_await 192.0.2.1"' "$1"
}

@test "a gateway that does not answer is said; its link-layer address is enough, also when a ping is lost" {
	[ "$(gateway :)" = "node: gateway 192.0.2.1 does not answer on w0: the way out may be shut" ]
	run -0 gateway '/bin/ip neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev w0'
	echo "$output"
	[ -z "$output" ]
	run -0 gateway 'ping() { /bin/ip neigh replace 192.0.2.1 lladdr 02:00:00:00:00:01 dev w0; return 1; }'
	[ -z "$output" ]
}

# read_from SETTINGS COMMAND: what the command says when these have been read
read_from() {
	printf %b "$1" >"$BATS_TEST_TMPDIR/node.txt"
	node "settings_read; $2"
}

@test "a cluster file is whole, on the lines of node.txt: behind its key, without it, and without an end of its last line" {
	for begin in 'cluster {' '{'; do
		read_from "name node1\\n$begin\\n \"nodes\": []\\n}\\n" :
		printf '\n{\n "nodes": []\n}\n' | cmp - "$BATS_TEST_TMPDIR/cluster.json"
	done
	read_from 'name node1\ncluster {"nodes":[]}' :
	printf '\n{"nodes":[]}\n' | cmp - "$BATS_TEST_TMPDIR/cluster.json"
	[ "$(read_from 'name node1' 'echo $name')" = node1 ]
}

@test "several addresses and gateways count; of a name or an interface that is there twice it is said" {
	[ "$(read_from 'address 192.0.2.2/24\naddress 2001:db8::2/64\ngateway 192.0.2.1\ngateway 2001:db8::1\n' 'echo $addresses, $gateways')" = \
		"192.0.2.2/24 2001:db8::2/64, 192.0.2.1 2001:db8::1" ]
	[ "$(read_from 'name a\ninterface eth0\nname b\n' 'echo $name')" = "node: node.txt: name 'b': it is given twice, and this one counts
b" ]
}

@test "UTF-16 is named" {
	printf '\377\376n\0' >"$BATS_TEST_TMPDIR/node.txt"
	node is_utf16
	printf '\376\377\0n' >"$BATS_TEST_TMPDIR/node.txt"
	node is_utf16
	printf 'name n\n' >"$BATS_TEST_TMPDIR/node.txt"
	node '! is_utf16'
}

@test "what is wrong in the cluster file is said with node.txt's line" {
	read_from 'name node1\naddress 192.0.2.2/24\ncluster\n{"nodes": [],\n "bridge": 5}\n' :
	mkdir "$BATS_TEST_TMPDIR/bin"
	ln -s "$(realpath "$TOP/build/cnibox")" "$BATS_TEST_TMPDIR/bin/cnibox"
	[[ $(node "PATH=$BATS_TEST_TMPDIR/bin:\$PATH; name=node1; ! join") == *"node.txt: "*"bridge"* ]]
}

@test "node.txt is looked for on sticks, disks, cards and NVMe, and their partitions" {
	local disks=(sda sdb1 vda nvme0n1 nvme0n1p1 mmcblk0 mmcblk0p1)

	(cd "$BATS_TEST_TMPDIR" && touch "${disks[@]}" nvme0 tty0)
	[ "$(node disks | sed 's,.*/,,' | sort)" = "$(printf '%s\n' "${disks[@]}" | sort)" ]
}

@test "another architecture gets the list of those with an image" {
	run "$TOP/initramfs/node-image" --check mips64el
	[ "$status" -ne 0 ]
	grep -q 'there are: amd64 arm64 armhf riscv64 s390x' <<<"$output"
}
