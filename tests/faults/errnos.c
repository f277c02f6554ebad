/*
 * Which errors fit which system call: those that its manual page or its use on a sick machine (no
 * memory, full disk, quota, security module, signal) can produce. (EAGAIN of a netlink socket means
 * that there is no answer, and the kernel does not say so of a queue that has one.) A call that is
 * not listed here is refused with EPERM and ENOMEM, and named by its number.
 */
#include "sweep.h"

#include <errno.h>
#include <sys/syscall.h>

struct fits {
	int nr;
	const char *name;
	int errnums[ERRNOS_MAX]; /* up to a 0 */
};

#define CALL(name, ...)                                                                            \
	{                                                                                          \
		SYS_##name, #name,                                                                 \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

static const struct fits table[] = {
	CALL(read, EIO, EINTR, EPERM),
	CALL(pread64, EIO, EINTR),
	CALL(write, ENOSPC, EIO, EINTR, EPERM),
	CALL(writev, ENOSPC, EIO, EINTR),
	CALL(open, EIO, ENOMEM, ENOSPC, EPERM, EINTR, EMFILE),
	CALL(openat, EIO, ENOMEM, ENOSPC, EPERM, EINTR, EMFILE),
	CALL(close, EIO, EINTR),
	CALL(stat, EIO, ENOMEM, EPERM),
	CALL(lstat, EIO, ENOMEM),
	CALL(fstat, EIO, ENOMEM),
	CALL(newfstatat, EIO, ENOMEM, EPERM),
	CALL(access, EIO, EPERM),
	CALL(faccessat, EIO, EPERM),
	CALL(lseek, EIO),
	CALL(getdents64, EIO, ENOMEM),
	CALL(readlink, EIO, ENOMEM),
	CALL(readlinkat, EIO, ENOMEM, EPERM),
	CALL(mkdir, ENOSPC, EIO, EPERM, ENOMEM),
	CALL(mkdirat, ENOSPC, EIO, EPERM),
	CALL(rmdir, EIO, EPERM),
	CALL(unlink, EIO, EPERM, ENOMEM),
	CALL(unlinkat, EIO, EPERM, ENOMEM),
	CALL(rename, ENOSPC, EIO, EPERM),
	CALL(renameat, ENOSPC, EIO, EPERM),
	CALL(symlink, ENOSPC, EIO, EPERM),
	CALL(symlinkat, ENOSPC, EIO, EPERM),
	CALL(link, ENOSPC, EIO, EPERM),
	CALL(linkat, ENOSPC, EIO, EPERM),
	CALL(fchmod, EPERM, EIO),
	CALL(fchmodat, EPERM, EIO),
	CALL(ftruncate, EIO, EINTR, EPERM),
	CALL(utimensat, EPERM, EIO, ENOSPC),
	CALL(fsync, EIO, ENOSPC),
	CALL(fdatasync, EIO, ENOSPC),
	CALL(flock, EINTR, ENOMEM, EIO),
	CALL(fcntl, ENOMEM),
	CALL(ioctl, EPERM, ENOMEM),
	CALL(socket, EPERM, ENOMEM, EMFILE),
	CALL(getsockopt, ENOMEM, EPERM),
	CALL(setsockopt, ENOMEM, EPERM),
	CALL(bind, ENOMEM, EPERM),
	CALL(getsockname, ENOMEM),
	CALL(sendto, ENOMEM, EPERM, EAGAIN, EINTR),
	CALL(recvmsg, ENOMEM, EINTR, ENOBUFS),
	CALL(recvmmsg, ENOMEM, EINTR, ENOBUFS),
	CALL(recvfrom, ENOMEM, EINTR, ENOBUFS),
	CALL(setns, EPERM, ENOMEM),
	CALL(unshare, EPERM, ENOSPC),
	CALL(mount, EPERM, ENOMEM),
	CALL(umount2, EPERM),
	CALL(getcwd, ENOMEM),
	CALL(mmap, ENOMEM),
	CALL(brk, ENOMEM),
	CALL(mremap, ENOMEM),
	CALL(mprotect, ENOMEM),
	CALL(getrandom, EAGAIN, EINTR),
	CALL(capget, EPERM),
	CALL(capset, EPERM),
	CALL(prctl, EPERM),
	CALL(sysinfo, EPERM),
	CALL(uname, EPERM),
	CALL(clone, EAGAIN, ENOMEM),
	CALL(fork, EAGAIN, ENOMEM),
	CALL(vfork, EAGAIN, ENOMEM),
	CALL(execve, EIO, ENOMEM, EPERM),
	CALL(pipe2, EMFILE),
	CALL(pipe, EMFILE),
	CALL(dup2, EINTR),
	CALL(wait4, EINTR),
	CALL(poll, EINTR, ENOMEM),
	CALL(kill, EPERM),
	CALL(setitimer, 0),
	CALL(rt_sigaction, 0),
	CALL(rt_sigprocmask, 0),
	CALL(rt_sigreturn, 0),
	CALL(umask, 0),
	CALL(munmap, 0),
	CALL(madvise, 0),
	CALL(getpid, 0),
	CALL(gettid, 0),
	CALL(geteuid, 0),
	CALL(getuid, 0),
	CALL(exit, 0),
	CALL(exit_group, 0),
	CALL(arch_prctl, 0),
	CALL(set_tid_address, 0),
	CALL(clock_gettime, 0),
	CALL(restart_syscall, 0),
	CALL(futex, 0),
};

unsigned int errnos_of(int nr, const int **out, const char **name)
{
	static const int any[] = { EPERM, ENOMEM };
	unsigned int n = 0;

	for (unsigned int i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].nr != nr)
			continue;
		*out = table[i].errnums;
		*name = table[i].name;
		while (n < ERRNOS_MAX && table[i].errnums[n])
			n++;
		return n;
	}
	*out = any;
	*name = "unlisted";
	return 2;
}

/*
 * "Try again" and "something was lost" for ever are no machine's answers: whoever tries again would
 * do so for ever, and be right.
 */
bool errno_repeats(int errnum)
{
	return errnum != EINTR && errnum != EAGAIN && errnum != ENOBUFS;
}
