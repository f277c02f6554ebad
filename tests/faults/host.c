/* Disposable hosts: network and mount namespaces of the calling process, which end with it. */
#include "sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <net/if.h>

#include "../netns_new.h"

#define PATH_SIZE 256

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(2);
}

void file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die("write %s: %s", path, strerror(errno));
	close(fd);
}

static void loopback_up(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &r) < 0)
		die("lo up: %s", strerror(errno));
	close(fd);
}

static void pod_path(const char *name, char out[static PATH_SIZE])
{
	snprintf(out, PATH_SIZE, "/run/netns/%s", name);
}

static int enter_own(void)
{
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (home < 0)
		die("our network: %s", strerror(errno));
	return home;
}

static void go_home(int home)
{
	if (setns(home, CLONE_NEWNET) < 0)
		die("come home: %s", strerror(errno));
	close(home);
}

void pod_make(const char *name)
{
	char path[PATH_SIZE];
	int home = enter_own();

	pod_path(name, path);
	file_write(path, "");
	if (netns_new() < 0 || mount("/proc/thread-self/ns/net", path, NULL, MS_BIND, NULL) < 0)
		die("pod %s: %s", name, strerror(errno));
	loopback_up();
	go_home(home);
}

void pod_remove(const char *name)
{
	char path[PATH_SIZE];

	pod_path(name, path);
	umount2(path, MNT_DETACH);
	unlink(path);
}

bool pod_there(const char *name)
{
	char path[PATH_SIZE];

	pod_path(name, path);
	return access(path, F_OK) == 0;
}

int pod_run(const char *name, int (*fn)(const char *arg), const char *arg)
{
	int home = enter_own(), fd, r;
	char path[PATH_SIZE];

	pod_path(name, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die("enter pod %s: %s", name, strerror(errno));
	close(fd);
	r = fn(arg);
	go_home(home);
	return r;
}

void host_cover(const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		die("%s: %s", path, strerror(errno));
	if (mount("tmpfs", path, "tmpfs", 0, "mode=755") < 0)
		die("mount %s: %s", path, strerror(errno));
}

bool kernel_has(const char *kind)
{
	char command[128];
	int status;
	pid_t pid = host_fork();

	if (pid == 0) {
		snprintf(command, sizeof(command),
			 "ip link add probe0 type veth && "
			 "ip link add link probe0 name probe1 type %s 2>/dev/null",
			 kind);
		exit(unshare(CLONE_NEWNET) < 0 || system(command) != 0);
	}
	return waitpid(pid, &status, 0) == pid && status == 0;
}

/* A node has an uplink: without one nobody is another node's neighbour. */
static void make_uplink(void)
{
	if (system("printf '%s\n' 'link add up0 type veth peer name up1' 'link set up0 up' 'link "
		   "set up1 up' "
		   "'addr add 192.168.5.1/24 dev up0' 'addr add fd05::1/64 dev up0 nodad' | ip "
		   "-batch -") != 0)
		die("no uplink");
}

pid_t host_fork(void)
{
	pid_t pid;

	fflush(stdout);
	pid = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL, 0);
	if (pid < 0)
		die("fork");
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

/* FORWARD drops, and there is an administrator's chain to ask. */
void host_legacy(void)
{
	if (system("for v in '' 6; do ip${v}tables-legacy -P FORWARD DROP && ip${v}tables-legacy "
		   "-N CNI-ADMIN || exit 1; done") != 0)
		die("no legacy tables");
}

void host_make(void)
{
	if (unshare(CLONE_NEWNS) < 0 || netns_new() < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", 0, NULL) < 0)
		die("new host: %s", strerror(errno));
	host_cover("/run");
	host_cover("/var/lib/cni");
	host_cover("/etc/cni");
	host_cover("/opt/cni");
	host_cover("/var/log");
	mkdir("/run/netns", 0755);
	mkdir("/etc/cni/net.d", 0755);
	mkdir("/etc/cni/sweep", 0755);
	mkdir("/opt/cni/bin", 0755);
	subject_files();
	loopback_up();
	make_uplink();
	pod_make(POD);
	pod_make(NEIGHBOUR);
}
