# One machine of the lab, a part of `lab`: its wires, channels and disk; how it starts, ends and answers.

channels=4             # of each machine, as call() names them
run_value=${run//,/,,} # in an option of QEMU, where a comma would begin the next key

# wire INDEX FROM TO: one network card; its wire is a pair of sockets, so that either end may restart.
# The third byte of the MAC is the index, by which `init` names the card.
wire() {
	local id=n$1 mac

	mac=52:54:$(printf %02x "$1")$(printf '%s-%s' "$2" "$3" | md5sum | sed 's/\(..\)\(..\)\(..\).*/:\1:\2:\3/')
	options+=(-netdev "dgram,id=$id,local.type=unix,local.path=$run_value/$2-$3,remote.type=unix,remote.path=$run_value/$3-$2"
		-device "virtio-net-$bus,netdev=$id,mac=$mac$([ "$bus" != pci ] || echo ,romfile=,rombar=0)")
}

wires() {
	local index=0 node

	if [ "$role" != world ]; then
		wire 0 "$name" world
		return
	fi
	for node in $(machines node); do
		wire $index world "$node"
		index=$((index + 1))
	done
}

agent_channels() {
	local i

	options+=(-device "virtio-serial-$bus")
	for ((i = 0; i < channels; i++)); do
		options+=(-chardev "socket,id=c$i,path=$run_value/$name.$i,server=on,wait=off"
			-device "virtserialport,chardev=c$i,name=lab.$i")
	done
}

# QEMU's monitor, which moves the cable: lines in, and its answers, which nobody needs, out.
monitor() {
	rm -f "$run/$name.monitor".{in,out}
	mkfifo "$run/$name.monitor".{in,out}
	options+=(-chardev "pipe,id=monitor,path=$run_value/$name.monitor" -mon chardev=monitor)
}

disk() {
	if [ ! -e "$run/$name.disk" ]; then
		[ -n "${LAB_DISK-}" ] || return 0
		truncate -s 64M "$run/$name.disk"
		PATH=$PATH:/sbin mke2fs -q -F -t ext4 "$run/$name.disk"
	fi
	parameters+=" lab.disk=1"
	options+=(-drive "file=$run_value/$name.disk,format=raw,if=none,id=disk" -device "virtio-blk-$bus,drive=disk")
}

machine_start() {
	machine "$1"
	local options=() parameters="lab.topology=$topology lab.name=$name lab.role=$role lab.address=$address lab.gateway=$gateway"

	options+=(-chardev "socket,id=console,path=$run_value/$name.console,server=on,wait=off,logfile=$run_value/$name.log"
		-serial chardev:console)
	agent_channels
	wires
	monitor
	disk
	[ ! -e "$run/$name.log" ] || mv "$run/$name.log" "$run/$name.log.before"
	echo "$accel" >"$run/$name.accel"
	qemu "$accel" "$parameters" "${options[@]}" -daemonize -pidfile "$run/$name.pid" ||
		fail "$name: QEMU does not start"
}

# ends NAME SECONDS: whether its QEMU ends in that time
ends() {
	local tries=$(($2 * 100))

	while running "$1"; do
		[ $((tries -= 1)) -gt 0 ] || return 1
		sleep 0.01
	done
}

machine_kill() {
	local number

	number=$(pid "$1") || return 0
	kill -9 "$number"
	ends "$1" 60 || fail "$1: QEMU does not end"
	rm -f "$run/$1.pid"
}

call() {
	local name=$1 sockets

	shift
	sockets=("$run/$name".{0..3})
	"$state/call" "${sockets[@]}" -- "$@"
}

console_tail() {
	say "$1's console ended so:"
	tail -n 60 "$run/$1.log" 2>/dev/null | tr -d '\r' | sed "s/^/$1| /" >&2
}

# Positive words are the verdict. A machine that ends, hangs or is silent has not said them.
machine_await() {
	local answer

	answer=$(call "$1" cat /run/lab/ready </dev/null) || true
	[ "$answer" = ready ] && return
	say "$1 does not come up"
	console_tail "$1"
	return 1
}
