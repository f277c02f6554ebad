/* A LAN with a DHCP server on the host itself, and cnibox's DHCP daemon. */
#include "soak.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define LEASES "/var/log/soak.leases"
#define PID_FILE "/run/soak-dhcp.pid"
#define START_MS 10000

static _Noreturn void run(const char *line)
{
	char words[512], *argv[24];
	unsigned int n = 0;

	snprintf(words, sizeof(words), "%s", line);
	argv[0] = strtok(words, " ");
	while (n < sizeof(argv) / sizeof(argv[0]) - 1 && argv[n])
		argv[++n] = strtok(NULL, " ");
	argv[n] = NULL;
	if (argv[0])
		execvp(argv[0], argv);
	_exit(2);
}

static void start(const char *line)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid > 0)
		return;
	if (setpgid(0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		_exit(2);
	if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
		_exit(2);
	run(line);
}

static void await(const char *path)
{
	for (unsigned int ms = 0; access(path, F_OK) < 0; ms += 10) {
		if (ms >= START_MS)
			die("%s does not appear: is dnsmasq there?", path);
		usleep(10000);
	}
}

void lan_make(void)
{
	char daemon[256];

	if (system("ip link add lan0 type bridge && ip addr add 10.22.0.1/24 dev lan0 && "
		   "ip link set lan0 up") != 0)
		die("no bridge lan0");
	start("dnsmasq --keep-in-foreground --conf-file=/dev/null --no-hosts --no-resolv --no-ping "
	      "--port=0 --user=root --bind-interfaces --interface=lan0 --dhcp-authoritative "
	      "--pid-file=" PID_FILE " --dhcp-leasefile=" LEASES
	      " --dhcp-range=10.22.0.10,10.22.0.250,12h");
	await(PID_FILE);
	unlink(LEASES); /* its size is not ours to count */
	snprintf(daemon, sizeof(daemon), "%s/dhcp daemon", plugins);
	start(daemon);
	await("/run/cni/dhcp.sock");
}
